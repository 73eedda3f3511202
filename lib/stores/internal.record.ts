import { TaskNotFoundError } from '../errors/task.errors.js';
import type { Apply, Change } from '../model/change.js';
import { initialState } from '../model/task.defaults.js';
import { DEFAULT_POLICIES } from '../model/task.policies.js';
import { INTERNAL_HANDLER } from '../model/definition.js';
import type { TaskRecord } from '../model/task.js';
import type { Committed, Store, Transacted } from './store.interface.js';
import type { FailedChange } from './selection.interface.js';

/** How often a record is added that another scheduler removes each time, until that counts as a failure. */
const MAX_ROUNDS = 20;

/**
 * A record that schedulers keep among the tasks for themselves: never due, and left out of queries. Because it is a task
 * like any other to the store, it is changed with the same care.
 *
 * @param id Begins with `INTERNAL_PREFIX`.
 * @param name What it is, for people who read the store.
 */
export function internalRecord(id: string, name: string, args: readonly unknown[], now: number): TaskRecord {
  return {
    id,
    version: 1,
    definition: {
      id,
      name,
      handler: INTERNAL_HANDLER,
      args,
      input: 'args',
      schemaVersion: null,
      trigger: { type: 'startup' },
      executor: 'default',
      origin: 'internal',
      tags: [],
      policies: DEFAULT_POLICIES,
      declared: null,
    },
    state: initialState(now),
  };
}

/** The change that gives an internal record other arguments. */
export function withArgs(record: TaskRecord, args: readonly unknown[]): Change<null> {
  return { task: { ...record, definition: { ...record.definition, args } }, value: null };
}

/** Which records {@link changeInternal} changes. */
interface InternalRecords {
  readonly ids: readonly string[];
  /** What they are, for people who read the store. */
  readonly name: string;
  /**
   * Whether a record that cannot be read is replaced by an empty one. Only where losing what it says does no harm.
   *
   * @default false
   */
  readonly replaceUnreadable?: boolean;
}

/**
 * Changes internal records by `Store.transact`, each in one step. One that is missing is added first, without arguments.
 * One that cannot be read is left alone unless `replaceUnreadable` says otherwise.
 */
export async function changeInternal<T>(
  store: Pick<Store, 'transact' | 'addTasks' | 'deleteTask'>,
  { ids, name, replaceUnreadable = false }: InternalRecords,
  change: Apply<T>,
): Promise<Pick<Transacted<T>, 'committed' | 'left' | 'failed' | 'storeNow'>> {
  const committed: Committed<T>[] = [];
  const left: TaskRecord[] = [];
  const failed: FailedChange[] = [];
  let pending = ids;
  for (let round = 1; ; round += 1) {
    const { missing, unreadable, storeNow, ...result } = await store.transact({ ids: pending }, change);
    committed.push(...result.committed);
    left.push(...result.left);
    failed.push(...result.failed);
    const replaced = replaceUnreadable ? unreadable.map(({ id }) => id) : [];
    for (const id of replaced) await store.deleteTask(id);
    pending = [...missing, ...replaced];
    if (pending.length === 0) return { committed, left, failed, storeNow };
    if (round === MAX_ROUNDS) {
      const lost = pending.map((id) => ({ id, error: new TaskNotFoundError(id) }));
      return { committed, left, failed: [...failed, ...lost], storeNow };
    }
    // Another scheduler that adds one at the same time adds the same.
    await store.addTasks(pending.map((id) => internalRecord(id, name, [], storeNow)));
  }
}
