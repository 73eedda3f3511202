import type { KnownChange, TakenTask } from '../../model/change.js';
import { leaseOf } from '../exchange.js';
import type { Exchange, Exchanged, Taken, TakeRequest, Written } from '../exchange.interface.js';
import type { FailedChange } from '../selection.interface.js';
import type { ChangeBatch, Taking } from './change.batch.js';
import type { Operation } from './commit.queue.js';
import type { DirectorySession } from './directory.session.js';
import { encodeFileName } from './file-name.codec.js';
import type { ChangeTools } from './task.changes.js';
import { refresh } from './task.reads.js';
import { selectDue } from './task.selection.js';

const NOTHING_WRITTEN: Written = { lost: [], failed: [] };

/** See `Store.exchange`. Without the lock where there is nothing to write and nothing is due. */
export async function exchangeIn(session: DirectorySession, wanted: Exchange, now: () => number): Promise<Exchanged> {
  const { queue, catalog, codec } = session;
  const { write = [], take } = wanted;
  if (write.length === 0) {
    if (!take) return { written: NOTHING_WRITTEN, taken: null };
    await refresh(session);
    await catalog.knowsUntil(now());
    if (catalog.index.due(now(), 1, take).length === 0) {
      const taken = { tasks: [], storeNow: now(), nextDue: () => catalog.firstDue(take) };
      return { written: NOTHING_WRITTEN, taken };
    }
  }
  return queue.run(exchange(wanted, { catalog, codec, now }));
}

/** Writes what is known, and takes what is due: one group for both. */
function exchange({ write = [], take }: Exchange, tools: ChangeTools): Operation<Exchanged> {
  return async (batch) => {
    const written = await writeKnown(batch, write, tools);
    return { written, taken: take ? await takeDue(batch, take, tools) : null };
  };
}

async function writeKnown(
  batch: ChangeBatch,
  changes: readonly KnownChange[],
  { codec }: ChangeTools,
): Promise<Written> {
  const lost: string[] = [];
  const failed: FailedChange[] = [];
  for (const { from, task, history = [] } of changes) {
    const file = encodeFileName(from.id);
    const row = batch.rowInJournal(file) ?? (await batch.read(file))?.row;
    if (!row || row.version !== from.version || row.lastToken !== from.lastToken) {
      lost.push(from.id);
      continue;
    }
    try {
      const runs = history.map((run) => codec.encodeRun(run));
      const next = task && { ...task, version: row.version + 1 };
      if (!next) batch.remove(file);
      else if (next.definition === from.definition) batch.putState(file, row, codec.encodeState(next));
      else batch.put(file, codec.encodeTask(next));
      batch.end(runs);
    } catch (error) {
      failed.push({ id: from.id, error });
    }
  }
  return { lost, failed };
}

async function takeDue(batch: ChangeBatch, request: TakeRequest, { catalog, now }: ChangeTools): Promise<Taken> {
  const storeNow = now();
  const takings: Taking[] = [];
  const tasks: TakenTask[] = [];
  for (const { file, task, row } of await selectDue(batch, catalog, request, storeNow)) {
    const lease = leaseOf(task, storeNow, request);
    takings.push({ file, row, lease });
    tasks.push({ task, lease });
  }
  batch.take(takings);
  return { tasks, storeNow, nextDue: () => catalog.firstDue(request) };
}
