// One file a task: written and flushed when the task is added, flushed once more when it has ended, with a line in a journal,
// and removed. Eight at a time.
import { mkdir, open, readdir, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { inFlight } from '../in-flight.mjs';

/** How many files are written at the same time. */
const LIMIT = 8;

async function write(folder, name, content) {
  const file = await open(join(folder, `${name}.tmp`), 'w');
  await file.writeFile(content);
  await file.datasync();
  await file.close();
  await rename(join(folder, `${name}.tmp`), join(folder, name));
}

export async function connect({ folder }) {
  const tasks = join(folder, 'tasks');
  await mkdir(tasks, { recursive: true });
  const journal = await open(join(folder, 'journal'), 'a');
  const each = (items, work) => inFlight(items.length, (at) => work(items[at]), { limit: LIMIT });
  /** What is due, in order; no other process works on the folder. */
  const queue = [];
  return {
    async add(added) {
      await each(added, (task) => write(tasks, task.id, JSON.stringify(task)));
      queue.push(...added);
    },
    take: async (limit) => queue.splice(0, limit).map((task) => ({ ...task, token: 1 })),
    end: (ended) =>
      each(ended, async (task) => {
        await write(tasks, task.id, JSON.stringify(task));
        await journal.appendFile(`${JSON.stringify(task)}\n`);
        await unlink(join(tasks, task.id));
      }),
    left: async () => (await readdir(tasks)).length,
    kept: async () => null,
    close: () => journal.close(),
  };
}
