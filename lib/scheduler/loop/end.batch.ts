import type { KnownChange } from '../../model/change.js';
import type { TaskRecord } from '../../model/task.js';
import type { Written } from '../../stores/exchange.interface.js';
import type { Store } from '../../stores/store.interface.js';
import { endRuns } from '../plan/end.plan.js';
import type { EndOutcome, RunEnd } from '../plan/end.plan.js';
import { keptRun } from '../plan/kept.runs.js';
import { groupByTask } from './by.task.js';
import type { EndAnswer } from './end.answer.js';
import type { KnownRecord, KnownRecords } from './held.tasks.js';

/** An end that is to be written, and what became of it; null until that is known. */
export interface OfferedEnd {
  readonly end: RunEnd;
  outcome: EndAnswer | null;
}

/** What is known to become of a task with the ends of its runs. */
interface EndChange extends KnownChange {
  readonly of: readonly OfferedEnd[];
  readonly outcomes: readonly EndOutcome[];
}

const NOTHING_LEFT: EndAnswer = { outcome: 'ended', task: null };
const REFUSED: EndAnswer = { outcome: 'refused', task: null };
const ENDED: readonly EndOutcome[] = ['ended'];

/**
 * Ends of runs, all of a task in one change. The holder of a run knows its task, so most ends are written without reading, by
 * an exchange that may carry other things as well. What somebody else has changed meanwhile is read and decided on again.
 */
export class EndBatch {
  /** What is written without reading: the exchange of these is to be told to {@link written}. */
  readonly changes: readonly EndChange[];
  /** What is to be decided on in the store. */
  #rest: OfferedEnd[] = [];

  /**
   * @param ends Their outcomes are set as they become known. One that has none in the end could not be written, and may be
   *   given again.
   * @param now The store's clock as this process knows it, in milliseconds since the epoch.
   */
  constructor(
    ends: readonly OfferedEnd[],
    private readonly known: KnownRecords,
    now: number,
  ) {
    const changes: EndChange[] = [];
    const others: OfferedEnd[] = [];
    for (const one of ends) {
      const task = known.of(one.end.taskId);
      if (task && isSimpleEnd(task, one.end)) changes.push(simpleChange(task, one));
      else others.push(one);
    }
    for (const [id, of] of groupByTask(others, ({ end }) => end.taskId)) {
      const task = known.of(id);
      const change = task && endRuns(of.map(({ end }) => end))(task.record, now, []);
      // Where an end does not fit what is known, what is known may be old.
      if (task && change && !change.value.includes('refused')) {
        const { history = [], value: outcomes } = change;
        changes.push({ from: task.stand, task: change.task, history, of, outcomes });
      } else this.#rest.push(...of);
    }
    this.changes = changes;
  }

  /** Takes notice of what has become of the changes. */
  written({ lost, failed }: Written): void {
    const unwritten = lost.length + failed.length === 0 ? null : new Set([...lost, ...failed.map(({ id }) => id)]);
    const lostIds = new Set(lost);
    for (const { from, task, of, outcomes } of this.changes) {
      if (!unwritten?.has(from.id)) this.#answer(task && { ...task, version: from.version + 1 }, of, outcomes);
      else if (lostIds.has(from.id)) this.#rest.push(...of);
    }
  }

  /** Whether {@link finish} has something to do. */
  get hasRest(): boolean {
    return this.#rest.length > 0;
  }

  /** Has the store decide on what is left. */
  async finish(store: Pick<Store, 'transact'>): Promise<void> {
    if (this.#rest.length === 0) return;
    const rest = groupByTask(this.#rest, ({ end }) => end.taskId);
    this.#rest = [];
    const { committed, failed } = await store.transact<readonly EndOutcome[]>(
      { ids: [...rest.keys()] },
      (task, storeNow, decided) =>
        endRuns(rest.get(task.id)!.map(({ end }) => end))(this.known.adopted(task), storeNow, decided),
    );
    for (const { id, task, value } of committed) {
      this.#answer(task, rest.get(id)!, value);
      rest.delete(id);
    }
    for (const { id } of failed) rest.delete(id);
    for (const of of rest.values()) for (const one of of) one.outcome = REFUSED;
  }

  #answer(task: TaskRecord | null, of: readonly OfferedEnd[], outcomes: readonly EndOutcome[]): void {
    if (task) this.known.note(task);
    // Mostly it is one: an iterator of entries makes three objects for it.
    for (let at = 0; at < of.length; at += 1) {
      const one = of[at]!;
      const outcome = outcomes[at]!;
      if (outcome === 'refused') one.outcome = REFUSED;
      else one.outcome = task === null && outcome === 'ended' ? NOTHING_LEFT : { outcome, task };
    }
  }
}

/** Whether nothing is left of the task with this end: see `isSimple`. */
function isSimpleEnd({ isSimple, taken }: KnownRecord, { token, record }: RunEnd): boolean {
  return isSimple && taken?.lease.token === token && record?.status === 'succeeded';
}

function simpleChange({ stand }: KnownRecord, one: OfferedEnd): EndChange {
  const { record } = one.end;
  const kept = keptRun(record!, stand.definition);
  return { from: stand, task: null, history: kept ? [kept] : [], of: [one], outcomes: ENDED };
}
