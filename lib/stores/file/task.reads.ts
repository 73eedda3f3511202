import type { StoredTask } from '../../model/task.js';
import type { DirectorySession } from './directory.session.js';
import { eachOf } from './durable.fs.js';
import type { TaskCatalog } from './task.catalog.js';

/** Learns what other processes have done. */
export async function learn({ catalog, queue }: DirectorySession): Promise<void> {
  // Something was missed: who has the lock finds out what.
  if (await catalog.refresh()) await queue.run(() => Promise.resolve());
}

/** The same, and which unreadable records can be read by now. */
export async function refresh(session: DirectorySession): Promise<void> {
  await learn(session);
  await session.catalog.recheckUnreadable();
}

/** Reads files, in the order of their names; those that are gone are left out. */
export async function loadTasks(catalog: TaskCatalog, files: readonly string[]): Promise<StoredTask[]> {
  const loaded = new Map<string, StoredTask>();
  await eachOf(files, async (file) => {
    const one = await catalog.read(file);
    if (one) loaded.set(file, one.task);
  });
  return files.flatMap((file) => loaded.get(file) ?? []);
}
