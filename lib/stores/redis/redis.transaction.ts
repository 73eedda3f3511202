import { VersionConflictError } from '../../errors/task.errors.js';
import type { TaskRecord, UnreadableTask } from '../../model/task.js';
import type { Committed, Transacted } from '../store.interface.js';
import type { FailedChange, Selection } from '../selection.interface.js';
import type { Apply, Change } from '../../model/change.js';
import { changedTask, throwIfAllFailed } from '../task-change.js';
import { isMissing } from './redis.records.js';
import type { LoadedTask, RedisRecordsCodec } from './redis.records-codec.js';
import type { Entry, Outcome } from './redis.entries.js';
import type { Peeked, PeekRequest } from './redis.calls.js';
import type { RedisScripts } from './redis.scripts.js';
import type { RedisJournal } from './redis.journal.js';
import { takeDue } from './redis.taking.js';
import type { DueTasks } from './redis.taking.js';

/**
 * How long a claimer has from taking due tasks to writing what becomes of them, in milliseconds: enough for a pause of
 * two seconds by the garbage collector. When it dies in between, they are due again after this time.
 */
export const RESERVATION_MS = 5_000;

/** How often a task that others change at the same time is read again; each time somebody has got on. */
const MAX_ROUNDS = 50;

/** What is to be written about one task, and what it is told of then. */
interface Decision<T> {
  readonly loaded: LoadedTask;
  readonly change: Change<T>;
  readonly entry: Entry;
}

/** A transaction under way. */
interface Progress<T> {
  readonly committed: Committed<T>[];
  readonly left: TaskRecord[];
  readonly missing: string[];
  readonly unreadable: UnreadableTask[];
  readonly failed: FailedChange[];
  peeked: Peeked | null;
}

/**
 * `Store.transact` on Redis, where the decision cannot run inside the server. By ids: read, decide, write by
 * compare-and-set, again for what others have changed meanwhile. What is due is reserved first, so that claimers do not
 * all fight for the head of the queue, and written under that reservation.
 */
export class RedisTransactor {
  constructor(
    private readonly scripts: RedisScripts,
    private readonly records: RedisRecordsCodec,
    private readonly journal: RedisJournal,
    private readonly readable: () => readonly string[],
  ) {}

  /**
   * @param peek What to look for in the same breath; `peeked` is null when that was not possible, or is out of date.
   */
  async run<T>(
    selection: Selection,
    apply: Apply<T>,
    peek?: PeekRequest,
  ): Promise<Transacted<T> & { readonly peeked: Peeked | null }> {
    const progress: Progress<T> = {
      committed: [],
      left: [],
      missing: [],
      unreadable: [],
      failed: [],
      peeked: null,
    };
    const storeNow =
      'due' in selection
        ? await this.#runDue(selection.due, apply, progress, peek)
        : await this.#runIds([...new Set(selection.ids)], apply, progress, false);
    throwIfAllFailed(progress);
    return { ...progress, storeNow };
  }

  async #runDue<T>(
    due: DueTasks,
    apply: Apply<T>,
    progress: Progress<T>,
    peek: PeekRequest | undefined,
  ): Promise<number> {
    const { scripts } = this;
    const token = scripts.nonce();
    const request = { ...due, token, owner: false, hold: RESERVATION_MS } as const;
    const { storeNow, tasks, unreadable, parked } = await takeDue(scripts, this.records, this.readable(), request);
    progress.unreadable.push(...unreadable);
    const back = ({ task }: LoadedTask): Entry => ({ what: 'back', id: task.id, token });
    const reserved = tasks.map((loaded) => {
      const { version, state } = loaded.task;
      // A reservation changes neither version nor token.
      return { ...loaded, guard: `${version} ${state.lastToken} ${token}:` };
    });
    let decided: Decision<T>[];
    try {
      decided = this.#decide(reserved, apply, storeNow, progress);
    } catch (error) {
      // Should this fail too, the reservation runs out by itself.
      await scripts.write([...reserved.map(back), ...parked]);
      throw error;
    }
    const chosen = new Set(decided.map(({ loaded }) => loaded));
    const left = reserved.filter((loaded) => !chosen.has(loaded));
    progress.left.push(...left.map(({ task }) => task));
    const entries = [...decided.map(({ entry }) => entry), ...left.map(back), ...parked];
    const { outcomes, peeked } = await scripts.write(entries, peek);
    // Nobody asked for these ids, so one that was deleted meanwhile is not missing.
    const unasked = { ...progress, missing: [] };
    const conflicts = this.#settle(decided, outcomes, unasked);
    // Somebody changed it after it was reserved. What is still due by that change is decided about once more.
    if (conflicts.length > 0) await this.#runIds(conflicts, apply, unasked, true);
    else progress.peeked = peeked;
    return storeNow;
  }

  /** @param onlyDue Whether tasks that are not due any more are left alone. */
  async #runIds<T>(ids: readonly string[], apply: Apply<T>, progress: Progress<T>, onlyDue: boolean): Promise<number> {
    let storeNow: number | null = null;
    let pending = ids;
    for (let round = 1; storeNow === null || pending.length > 0; round += 1) {
      const { now, tasks } = await this.#load(pending, progress);
      storeNow = now;
      const wanted = onlyDue ? tasks.filter(({ dueAt }) => dueAt !== null && dueAt <= now) : tasks;
      const mayThrow = round === 1 && !onlyDue && progress.committed.length === 0;
      const decided = this.#decide(wanted, apply, now, progress, mayThrow ? undefined : progress.failed);
      const chosen = new Set(decided.map(({ loaded }) => loaded));
      progress.left.push(...wanted.flatMap((loaded) => (chosen.has(loaded) ? [] : [loaded.task])));
      const { outcomes } = await this.scripts.write(decided.map(({ entry }) => entry));
      pending = this.#settle(decided, outcomes, progress);
      if (round >= MAX_ROUNDS && pending.length > 0) {
        for (const { task } of tasks.filter((loaded) => pending.includes(loaded.task.id))) {
          progress.failed.push({
            id: task.id,
            error: new VersionConflictError(task.id, task.version, task.version + 1),
          });
        }
        break;
      }
    }
    return storeNow;
  }

  async #load(ids: readonly string[], { missing, unreadable }: Pick<Progress<never>, 'missing' | 'unreadable'>) {
    const tasks: LoadedTask[] = [];
    if (ids.length === 0) return { now: await this.scripts.now(), tasks };
    const { now, rows } = await this.scripts.read(ids);
    for (const parts of rows) {
      if (isMissing(parts)) {
        missing.push(parts.id);
        continue;
      }
      const loaded = this.records.load(parts);
      if ('unreadable' in loaded) unreadable.push(loaded);
      else tasks.push(loaded);
    }
    return { now, tasks };
  }

  /**
   * All is decided before the first is written: an apply that throws leaves everything as it was.
   *
   * @param failed Where a decision that throws goes, when something was written already.
   */
  #decide<T>(
    tasks: readonly LoadedTask[],
    apply: Apply<T>,
    now: number,
    { committed }: Progress<T>,
    failed?: FailedChange[],
  ): Decision<T>[] {
    const nonce = this.scripts.nonce();
    const decided: Decision<T>[] = [];
    const values = committed.map(({ value }) => value);
    for (const loaded of tasks) {
      try {
        const change = apply(loaded.task, now, values);
        if (!change) continue;
        decided.push({ loaded, change, entry: this.#entryOf(loaded, change, nonce) });
        values.push(change.value);
      } catch (error) {
        if (!failed) throw error;
        failed.push({ id: loaded.task.id, error });
      }
    }
    return decided;
  }

  #entryOf<T>({ task: old, guard }: LoadedTask, change: Change<T>, nonce: string): Entry {
    const { records } = this;
    const { history } = change;
    const task = changedTask(old, change);
    const journal = this.journal.textsOf(change.journal);
    const noted = (entry: Entry): Entry => (journal ? ({ ...entry, journal } as Entry) : entry);
    if (task === null) return noted(records.drop(old.id, old.definition, guard, history));
    return noted(
      task.definition === old.definition
        ? records.stateOnly(task, nonce, guard, history)
        : records.whole(task, nonce, { what: 'set', guard }, history),
    );
  }

  /** Sorts what became of the decisions. Returns the ids that somebody else has changed meanwhile. */
  #settle<T>(decided: readonly Decision<T>[], outcomes: readonly Outcome[], progress: Progress<T>): string[] {
    const conflicts: string[] = [];
    decided.forEach(({ loaded, change }, at) => {
      const { id } = loaded.task;
      const outcome = outcomes[at]!;
      if (outcome === 'ok') {
        progress.committed.push({ id, task: changedTask(loaded.task, change), value: change.value });
      } else if (outcome === 'gone') {
        progress.missing.push(id);
      } else if (outcome instanceof Error) {
        progress.failed.push({ id, error: outcome });
      } else {
        conflicts.push(id);
      }
    });
    return conflicts;
  }
}
