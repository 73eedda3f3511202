// How fast the file store is, beside what the bare disk does in the same run: `npm run build && node benchmark/file-store.bench.mjs`.
// Arguments: a folder on the disk to be measured (default: the temporary one), how many tasks (default: 2000).
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { open, readdir, rename } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileStore } from '../dist/stores/file/file.store.js';
import { createStoreContext } from '../dist/testing/store-context.js';
import { resultOf, startDue } from '../dist/testing/plan.fixtures.js';
import { makeTask } from '../dist/testing/task.fixtures.js';

const ROOT = mkdtempSync(join(process.argv[2] ?? tmpdir(), 'asyncz-bench-'));
const COUNT = Number(process.argv[3] ?? 2_000);
const VOLUME = 10_000;
const LEASE_MS = 600_000;
const FAR = 4_102_444_800_000;

let folders = 0;
const newFolder = () => join(ROOT, String((folders += 1)));

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
const print = (name, value, unit) =>
  console.log(`${name.padEnd(66)} ${Math.round(value).toLocaleString('en').padStart(9)} ${unit}`);

/** Runs three times and prints the median, in operations a second. */
async function measure(name, count, work) {
  const rates = [];
  for (let round = 0; round < 3; round += 1) {
    const ms = await work(round);
    rates.push(count / (ms / 1_000));
  }
  print(name, median(rates), '/ s');
}

async function timed(work) {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

async function withStore(options, work) {
  const store = new FileStore({ directory: newFolder(), ...options });
  await store.start(createStoreContext());
  try {
    return await work(store);
  } finally {
    await store.shutdown();
  }
}

const tasks = (count, prefix, fields = {}) =>
  Array.from({ length: count }, (_, at) => makeTask(`${prefix}-${at}`, { args: [{ report: at }], ...fields }));

/** Bytes that this process has read from files and pipes so far. Linux only. */
const bytesRead = () => Number(/rchar: (\d+)/.exec(readFileSync('/proc/self/io', 'utf8'))[1]);

async function claimAndFinish(store, limit) {
  for (;;) {
    const { claimed } = await store.claimDue(
      { limit, handlers: null, owner: 'bench', leaseMs: LEASE_MS },
      startDue('bench', LEASE_MS),
    );
    if (claimed.length === 0) return;
    await store.finishRuns(claimed.flatMap(({ task, start }) => start.map((run) => resultOf(task, run, 'succeeded'))));
  }
}

/** What the disk does at best: temporary file, flush, rename, eight at a time, and one flush of the folder. */
async function bare(folder, count, flush) {
  const content = 'x'.repeat(1_200);
  let next = 0;
  const worker = async () => {
    for (let at = next++; at < count; at = next++) {
      const file = await open(join(folder, `${at}.tmp`), 'wx');
      await file.writeFile(content);
      if (flush) await file.datasync();
      await file.close();
      await rename(join(folder, `${at}.tmp`), join(folder, `${at}.bin`));
    }
  };
  await Promise.all(Array.from({ length: 8 }, worker));
  const handle = await open(folder, 'r');
  await handle.sync();
  await handle.close();
}

try {
  console.log(`${COUNT} tasks, Node ${process.version}, ${ROOT}`);
  await measure('the bare disk: file, flush, rename', COUNT, () =>
    timed(() => bare(mkdtempSync(join(ROOT, 'bare-')), COUNT, true)),
  );
  for (const fsync of [true, false]) {
    const label = fsync ? '' : ', fsync: false';
    await measure(`adds, one after the other${label}`, COUNT / 4, () =>
      withStore({ fsync }, (store) =>
        timed(async () => {
          for (const task of tasks(COUNT / 4, 'one')) await store.addTask(task);
        }),
      ),
    );
    await measure(`adds, 50 callers at the same time${label}`, COUNT, () =>
      withStore({ fsync }, (store) =>
        timed(async () => {
          const all = tasks(COUNT, 'many').values();
          const caller = async () => {
            for (const task of all) await store.addTask(task);
          };
          await Promise.all(Array.from({ length: 50 }, caller));
        }),
      ),
    );
    await measure(`addTasks, ${COUNT} in one call${label}`, COUNT, () =>
      withStore({ fsync }, (store) => timed(() => store.addTasks(tasks(COUNT, 'bulk')))),
    );
    for (const limit of [10, 100, 500]) {
      await measure(`claims and finishes, ${limit} at a time${label}`, COUNT, () =>
        withStore({ fsync }, async (store) => {
          await store.addTasks(tasks(COUNT, 'due', { nextRunTime: 1 }));
          return timed(() => claimAndFinish(store, limit));
        }),
      );
    }
  }

  const directory = newFolder();
  await withStore({ directory, fsync: false }, async (store) => {
    await store.addTasks(tasks(VOLUME, 'far', { nextRunTime: FAR }));
    await store.addTasks(tasks(50, 'recurring', { handler: 'other', nextRunTime: FAR - 1 }));
  });
  print(
    `start with ${VOLUME.toLocaleString('en')} tasks`,
    await timed(() => withStore({ directory }, async () => {})),
    'ms',
  );
  await withStore({ directory }, async (store) => {
    const request = { limit: 100, handlers: ['work'], owner: 'bench', leaseMs: LEASE_MS };
    const poll = () => store.claimDue(request, startDue('bench', LEASE_MS));
    await poll();
    const polls = 2_000;
    const cpu = process.cpuUsage();
    const read = bytesRead();
    const ms = await timed(async () => {
      for (let at = 0; at < polls; at += 1) await poll();
    });
    const { user, system } = process.cpuUsage(cpu);
    print('a poll with nothing due', (ms / polls) * 1_000, 'µs');
    print('  of CPU', (user + system) / polls, 'µs');
    print('  bytes read from files, of tasks or anything else', (bytesRead() - read) / polls, 'bytes');
    print(
      'query of a page of 50 by name',
      await timed(() => store.query({ q: 'far' }, { by: 'name', descending: true }, { offset: 100, limit: 50 })),
      'ms',
    );
    print(`getAllTasks, ${VOLUME.toLocaleString('en')} tasks`, await timed(() => store.getAllTasks()), 'ms');
    print('files in the directory', (await readdir(directory)).length, '');
  });
} finally {
  rmSync(ROOT, { recursive: true, force: true });
}
