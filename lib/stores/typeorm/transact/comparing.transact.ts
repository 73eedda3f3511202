import { randomUUID } from 'node:crypto';
import { VersionConflictError } from '../../../errors/task.errors.js';
import { spreadBackoffMs } from '../../../model/backoff.js';
import type { Clock } from '../../../model/clock.js';
import type { TaskRecord, UnreadableTask } from '../../../model/task.js';
import type { Committed, Transacted } from '../../store.interface.js';
import type { FailedChange, Selection } from '../../selection.interface.js';
import type { Apply } from '../../../model/change.js';
import { pause } from '../../../time/wait.js';
import type { PortableDialect } from '../dialects/portable.dialect.js';
import { Contended } from '../sql/contended.js';
import { insertEntries } from '../sql/journal.sql.js';
import type { Session } from '../sql/session.js';
import type { Script } from '../sql/sql.js';
import { committed, decide, encodeRuns, encodeTasks, entriesOf, keepRuns, select } from './changes.js';
import type { Decided, TransactionContext } from './changes.js';

/** What it works with: a dialect whose writes are guarded by the version. */
export interface ComparingContext extends TransactionContext {
  readonly dialect: PortableDialect;
}

/** How often tasks that were asked for by id are tried again when others are faster. */
const MAX_ATTEMPTS = 200;

/** How often a claim that got nothing looks again. Whoever asked for it asks again anyway. */
const MAX_CLAIMS = 5;

/** The pauses between attempts. */
const PAUSE = { firstMs: 2, longestMs: 50 };

/**
 * `Store.transact` where nothing is locked while it is decided: a change is written only when the task still has the
 * version that was read, and what another one was faster with is read and decided again.
 */
export async function transactByVersion<T>(
  context: ComparingContext,
  session: Session,
  clock: Clock,
  selection: Selection,
  apply: Apply<T>,
): Promise<Transacted<T>> {
  const done: Committed<T>[] = [];
  const missing: string[] = [];
  const kept: TaskRecord[] = [];
  const unreadable: UnreadableTask[] = [];
  let rest = selection;
  for (let attempt = 1; ; attempt += 1) {
    const selected = await session.read(() => select(context, rest));
    const { storeNow } = selected;
    missing.push(...selected.missing);
    unreadable.push(...selected.unreadable);
    const { decided, left } = decide(selected.tasks, storeNow, apply, done);
    kept.push(...left);
    const won = await write(context, session, decided);
    const lost = decided.filter(({ task }) => !won.has(task.id));
    for (const each of decided) if (won.has(each.task.id)) done.push(committed(each));
    const over = lost.length === 0 || ('due' in rest && (done.length > 0 || attempt >= MAX_CLAIMS));
    if (over || attempt >= MAX_ATTEMPTS) {
      const failed = over ? [] : lost.map(conflict);
      return { committed: done, left: kept, missing, unreadable, failed, storeNow };
    }
    if ('ids' in rest) rest = { ids: lost.map(({ task }) => task.id) };
    await pause(clock, spreadBackoffMs(PAUSE, attempt));
  }
}

/**
 * The same in a transaction that somebody has open already: nothing of it is tried again.
 *
 * @throws VersionConflictError When another scheduler was faster with one of the tasks.
 */
export function* transactOnce<T>(
  context: ComparingContext,
  selection: Selection,
  apply: Apply<T>,
): Script<Transacted<T>> {
  const { storeNow, tasks, missing, unreadable } = yield* select(context, selection);
  const { decided, left } = decide(tasks, storeNow, apply, []);
  try {
    if (decided.length > 0) yield* writeAll(context, decided);
  } catch (error) {
    throw error instanceof Contended ? conflict(decided[0]!).error : error;
  }
  return { committed: decided.map(committed), left, missing, unreadable, failed: [], storeNow };
}

function conflict({ task }: Decided<unknown>): FailedChange {
  return { id: task.id, error: new VersionConflictError(task.id, task.version, task.version + 1) };
}

/**
 * Writes what nobody else has changed since it was read. Databases say how many rows they wrote, not which, so the way
 * that costs least is tried first: when all of them were written, which is what happens unless two meet, that is known.
 */
async function write(context: ComparingContext, session: Session, decided: readonly Decided<unknown>[]) {
  if (decided.length === 0) return new Set<string>();
  try {
    return await session.transaction(() => writeAll(context, decided));
  } catch (error) {
    if (!(error instanceof Contended)) throw error;
  }
  return session.transaction(() => writeUnchanged(context, decided));
}

/** Writes all of it or, when somebody was faster with one of them, nothing. */
function* writeAll(context: ComparingContext, decided: readonly Decided<unknown>[]): Script<ReadonlySet<string>> {
  const { dialect, codec } = context;
  const { states, tasks, deleted } = encodeTasks(codec, decided);
  let written = 0;
  if (states.length > 0) written += yield* dialect.updateStates(states);
  if (tasks.length > 0) written += yield* dialect.updateTasks(tasks);
  if (deleted.length > 0) written += yield* dialect.deleteVersions(deleted);
  if (written < decided.length) throw new Contended();
  const runs = encodeRuns(codec, decided);
  if (runs.length > 0) yield* keepRuns(dialect, runs);
  const entries = entriesOf(codec, decided);
  if (entries.length > 0) yield* insertEntries(dialect, entries);
  return new Set(decided.map(({ task }) => task.id));
}

/**
 * Puts a mark of its own on those that are as they were read, which keeps others out of them until the transaction ends,
 * reads back which have it, and writes these.
 */
function* writeUnchanged(context: ComparingContext, decided: readonly Decided<unknown>[]): Script<ReadonlySet<string>> {
  const marked = yield* context.dialect.mark(
    decided.map(({ task }) => task),
    `changed by ${randomUUID()}`,
  );
  const rest = decided.filter(({ task }) => marked.has(task.id));
  return rest.length > 0 ? yield* writeAll(context, rest) : marked;
}
