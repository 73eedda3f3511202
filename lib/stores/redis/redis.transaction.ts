import { VersionConflictError } from '../../errors/task.errors.js';
import type { TaskRecord, UnreadableTask } from '../../model/task.js';
import type { Committed, Transacted } from '../store.interface.js';
import type { FailedChange, Selection } from '../selection.interface.js';
import type { Apply, Change } from '../../model/change.js';
import { changedTask, throwIfAllFailed } from '../task-change.js';
import { guardOf, memberOf, movedPlace, PARK_MS, parkedMember, queueFilter, reservedPlace } from './redis.place.js';
import { ignore } from './redis.connection.js';
import { KnownTasks } from './redis.known-tasks.js';
import type { LoadedTask, RedisRecordsCodec, Write } from './redis.records-codec.js';
import { BATCH } from './redis.entries.js';
import type { Entry, Outcome } from './redis.entries.js';
import type { Peeked, PeekRequest, RedisScripts } from './redis.scripts.js';

/**
 * How long a claimer has from taking due tasks to writing what becomes of them, in milliseconds: enough for a pause of
 * two seconds by the garbage collector. When it dies in between, they are due again after this time.
 */
export const RESERVATION_MS = 5_000;

/** How often a task that others change at the same time is read again; each time somebody has got on. */
const MAX_ROUNDS = 50;

/** Which due tasks a transaction is about. */
type Due = Extract<Selection, { due: unknown }>['due'];

/** What is to be written about one task, and what it is told of then. */
interface Decision<T> {
  readonly loaded: LoadedTask;
  readonly change: Change<T>;
  readonly write: Write;
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
  readonly #known = new KnownTasks();

  constructor(
    private readonly scripts: RedisScripts,
    private readonly records: RedisRecordsCodec,
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

  async #runDue<T>(due: Due, apply: Apply<T>, progress: Progress<T>, peek: PeekRequest | undefined): Promise<number> {
    const reservation = this.scripts.nonce();
    const { storeNow, tasks, parked } = await this.#reserve(due, reservation, progress.unreadable);
    const back = ({ row, place }: LoadedTask): Entry => ({
      what: 'move',
      id: row.id,
      expected: guardOf(place),
      place: movedPlace(place, memberOf(row.id, row, row.dueAt)),
    });
    let decided: Decision<T>[];
    try {
      decided = this.#decide(tasks, apply, storeNow, progress);
    } catch (error) {
      // Should this fail too, the reservation runs out by itself.
      await this.scripts.write([...tasks.map(back), ...parked]);
      throw error;
    }
    const taken = new Set(decided.map(({ loaded }) => loaded));
    const left = tasks.filter((loaded) => !taken.has(loaded));
    progress.left.push(...left.map(({ task }) => task));
    const entries = [...decided.map(({ write }) => write.entry), ...left.map(back), ...parked];
    const { outcomes, peeked } = await this.scripts.write(entries, peek);
    // Nobody asked for these ids, so one that was deleted meanwhile is not missing.
    const unasked = { ...progress, missing: [] };
    const conflicts = this.#settle(decided, outcomes, unasked);
    // Somebody changed it after it was reserved. What is still due by that change is decided about once more.
    if (conflicts.length > 0) await this.#runIds(conflicts, apply, unasked, true);
    else progress.peeked = peeked;
    return storeNow;
  }

  /** Takes due tasks, and goes on behind those that cannot be read. */
  async #reserve(
    { limit, order = 'priority', ...filter }: Due,
    token: string,
    unreadable: UnreadableTask[],
  ): Promise<{ storeNow: number; tasks: LoadedTask[]; parked: Entry[] }> {
    const tasks: LoadedTask[] = [];
    const parked: Entry[] = [];
    const request = { token, holdMs: RESERVATION_MS, order, ...queueFilter(this.readable(), filter) };
    const ask = (open: number) => {
      const wanted = Math.min(open, BATCH);
      const answer = this.scripts.reserve({ ...request, limit: wanted });
      // Awaited below, perhaps not before it has failed.
      answer.catch(ignore);
      return { wanted, answer };
    };
    let since: number | null = null;
    let asked = ask(Math.max(0, limit));
    for (;;) {
      const { now, taken, rows } = await asked.answer;
      since ??= now;
      const more = taken >= asked.wanted && now - since < RESERVATION_MS / 2;
      const open = limit - tasks.length - rows.length;
      // Redis takes the next ones while these are decoded.
      const next = more && open > 0 ? ask(open) : null;
      for (const parts of rows) {
        const loaded = this.records.load(parts);
        const place = reservedPlace(parts.place!, parts.id, token, now + RESERVATION_MS);
        if ('unreadable' in loaded) {
          unreadable.push(loaded);
          const aside = movedPlace(place, parkedMember(parts.id, now + PARK_MS));
          parked.push({ what: 'move', id: parts.id, expected: guardOf(place), place: aside });
        } else {
          tasks.push({ ...loaded, place });
        }
      }
      if (next) asked = next;
      else if (more && tasks.length < limit) asked = ask(limit - tasks.length);
      else return { storeNow: now, tasks, parked };
    }
  }

  /** @param onlyDue Whether tasks that are not due any more are left alone. */
  async #runIds<T>(ids: readonly string[], apply: Apply<T>, progress: Progress<T>, onlyDue: boolean): Promise<number> {
    const first = onlyDue ? { storeNow: null, pending: ids } : await this.#runKnown(ids, apply, progress);
    let { storeNow, pending } = first;
    for (let round = 1; storeNow === null || pending.length > 0; round += 1) {
      const { now, tasks } = await this.#load(pending, progress);
      storeNow = now;
      const wanted = onlyDue ? tasks.filter(({ row }) => row.dueAt !== null && row.dueAt <= now) : tasks;
      const mayThrow = round === 1 && !onlyDue && progress.committed.length === 0;
      const decided = this.#decide(wanted, apply, now, progress, mayThrow ? undefined : progress.failed);
      const chosen = new Set(decided.map(({ loaded }) => loaded));
      progress.left.push(...wanted.flatMap((loaded) => (chosen.has(loaded) ? [] : [loaded.task])));
      pending = await this.#write(decided, progress);
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

  /**
   * Decides about tasks that this process has under way by what it wrote itself. Returns the ids that have to be read:
   * the others, what somebody else has changed, and what a decision left alone, since that may be out of date.
   */
  async #runKnown<T>(
    ids: readonly string[],
    apply: Apply<T>,
    progress: Progress<T>,
  ): Promise<{ storeNow: number | null; pending: readonly string[] }> {
    const now = this.scripts.clock.estimate();
    const known = now === null ? [] : ids.flatMap((id) => this.#known.get(id) ?? []);
    if (now === null || known.length === 0) return { storeNow: null, pending: ids };
    // A decision that throws here is made again on what is read.
    const decided = this.#decide(known, apply, now, progress, []).filter(
      ({ loaded, change }) => change.task === null || change.task.definition === loaded.task.definition,
    );
    const conflicts = new Set(await this.#write(decided, progress));
    const done = new Set(decided.map(({ loaded }) => loaded.task.id));
    return { storeNow: now, pending: ids.filter((id) => !done.has(id) || conflicts.has(id)) };
  }

  async #write<T>(decided: readonly Decision<T>[], progress: Progress<T>): Promise<string[]> {
    const { outcomes } = await this.scripts.write(decided.map(({ write }) => write.entry));
    return this.#settle(decided, outcomes, progress);
  }

  async #load(ids: readonly string[], { missing, unreadable }: Pick<Progress<never>, 'missing' | 'unreadable'>) {
    const tasks: LoadedTask[] = [];
    if (ids.length === 0) return { now: await this.scripts.now(), tasks };
    const { now, rows } = await this.scripts.read(ids);
    for (const parts of rows) {
      if (parts.definition === null && parts.place === null) {
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
        decided.push({ loaded, change, write: this.#writeOf(loaded, change, nonce) });
        values.push(change.value);
      } catch (error) {
        if (!failed) throw error;
        failed.push({ id: loaded.task.id, error });
      }
    }
    return decided;
  }

  #writeOf<T>({ task: old, row, place }: LoadedTask, change: Change<T>, nonce: string): Write {
    const expected = guardOf(place);
    const { history = [] } = change;
    const task = changedTask(old, change);
    if (task === null) {
      return { row, entry: { what: 'drop', id: row.id, expected, runs: this.records.runs(history) } };
    }
    const guard = { what: 'set', expected } as const;
    return task.definition === old.definition
      ? this.records.stateOnly(task, row, nonce, guard, history)
      : this.records.full(task, nonce, guard, history);
  }

  /** Sorts what became of the decisions. Returns the ids that somebody else has changed meanwhile. */
  #settle<T>(decided: readonly Decision<T>[], outcomes: readonly Outcome[], progress: Progress<T>): string[] {
    const conflicts: string[] = [];
    decided.forEach(({ loaded, write, change }, at) => {
      const { id } = loaded.task;
      const outcome = outcomes[at]!;
      if (outcome !== 'ok') this.#known.forget(id);
      if (outcome === 'ok') {
        const task = changedTask(loaded.task, change);
        this.#known.keep(task, write);
        progress.committed.push({ id, task, value: change.value });
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
