import type { mongo } from 'mongoose';
import { VersionConflictError } from '../../errors/task.errors.js';
import type { TaskRecord, UnreadableTask } from '../../model/task.js';
import { MACHINE } from '../../model/clock.js';
import type { Committed, Transacted } from '../store.interface.js';
import type { DueFilter, FailedChange, Selection } from '../selection.interface.js';
import type { Apply, Change } from '../../model/change.js';
import { pause } from '../../time/wait.js';
import { changedTask, throwIfAllFailed } from '../task-change.js';
import { isAskedFor } from '../task-query.js';
import { writeBatch } from './mongoose.batch.js';
import type { Decision, Outcome } from './mongoose.batch.js';
import type { RunDocument, TaskDocument } from './mongoose.documents.js';
import { firstDue } from './mongoose.due-tasks.js';
import type { MongooseOutbox } from './mongoose.outbox.js';
import type { Loaded, MongooseTasks } from './mongoose.tasks.js';
import { newToken, writersWith } from './mongoose.writers.js';

/**
 * How long a claimer has a task to itself between reading and writing it, in milliseconds. Only to keep others out of its
 * way: what is written is guarded by the version. One that dies in between holds a task up for this long.
 */
const RESERVATION_MS = 5_000;

/** How often a claim looks again when others were faster with all that it saw. */
const MAX_CLAIM_ROUNDS = 10;

/** How often a change is tried again when somebody else was faster. */
const MAX_ROUNDS = 20;

/** From which try on it waits a moment first, and for how long at the most, in milliseconds. */
const PATIENT_ROUNDS = 3;
const PAUSE_MS = 15;

/** How much the outbox may take of the 16 MiB that a document may have, in characters of up to three bytes. */
const MAX_OUTBOX_LENGTH = 2_000_000;

type DueSelection = Extract<Selection, { due: unknown }>['due'];

/** What a transact has done so far. */
interface Progress<T> {
  readonly committed: Committed<T>[];
  readonly left: TaskRecord[];
  readonly missing: string[];
  readonly unreadable: UnreadableTask[];
  readonly failed: FailedChange[];
  storeNow: number;
}

/**
 * Changes tasks without transactions. Each change is one guarded update of one document: its filter repeats the version
 * and the writers that were read, so what somebody else has written is never overwritten; then it is read again and decided again.
 *
 * A claim of several reserves first: one update hands each due task to one claimer, so that they do not all work on the same
 * head of the queue. Then all is written in one batch.
 */
export class MongooseTransactor {
  constructor(
    private readonly tasks: MongooseTasks,
    private readonly outbox: MongooseOutbox,
    private readonly now: () => Promise<number>,
  ) {}

  async run<T>(selection: Selection, apply: Apply<T>): Promise<Transacted<T>> {
    await this.outbox.deliverLate();
    const storeNow = await this.now();
    const progress: Progress<T> = { committed: [], left: [], missing: [], unreadable: [], failed: [], storeNow };
    if ('due' in selection) await this.#runDue(selection.due, apply, progress);
    else await this.#runIds([...new Set(selection.ids)], apply, progress);
    throwIfAllFailed(progress);
    return progress;
  }

  async #runIds<T>(ids: readonly string[], apply: Apply<T>, progress: Progress<T>): Promise<void> {
    if (ids.length === 0) return;
    const loaded = await this.#load(ids, progress);
    await this.#settle(loaded, apply, progress, null);
    // In the order in which they were asked for, also where some took another try.
    const order = new Map(ids.map((id, at) => [id, at]));
    progress.committed.sort((a, b) => order.get(a.id)! - order.get(b.id)!);
  }

  async #runDue<T>(due: DueSelection, apply: Apply<T>, progress: Progress<T>): Promise<void> {
    if (due.limit <= 0 || due.handlers?.length === 0) return;
    for (let round = 1; round <= MAX_CLAIM_ROUNDS; round += 1) {
      const { loaded: candidates, unreadable } = await firstDue(this.tasks, due, progress.storeNow);
      progress.unreadable.push(...unreadable);
      // To reserve all that is due, when that is one task, would cost as much as to be too late in writing it.
      if (candidates.length <= 1 && due.limit > 1) {
        return this.#settle(candidates, apply, progress, { reservation: null, due });
      }
      const reservation = newToken();
      const taken = await this.#reserve(candidates, reservation, progress.storeNow);
      if (taken.length > 0) {
        return this.#settle(taken, apply, progress, { reservation, due });
      }
      progress.storeNow = await this.now();
    }
  }

  /** Takes what nobody else has taken since it was read. */
  async #reserve(candidates: readonly Loaded[], reservation: string, now: number): Promise<readonly Loaded[]> {
    const { collection } = this.tasks;
    const ids = candidates.map(({ task }) => task.id);
    const { modifiedCount } = await collection.updateMany(
      { _id: { $in: ids }, dueAt: { $lte: now }, reservedUntil: { $lte: now } },
      { $set: { reservedUntil: now + RESERVATION_MS, reservedBy: reservation } },
    );
    if (modifiedCount === candidates.length) return candidates;
    if (modifiedCount === 0) return [];
    const mine = await collection
      .find({ _id: { $in: ids }, reservedBy: reservation }, { projection: { _id: 1 }, batchSize: ids.length + 1 })
      .toArray();
    const taken = new Set(mine.map(({ _id }) => _id));
    return candidates.filter(({ task }) => taken.has(task.id));
  }

  async #load<T>(ids: readonly string[], { missing, unreadable }: Progress<T>): Promise<Loaded[]> {
    // MongoDB takes a list of one for its only value. FerretDB finds a value at once, and reads everything for a list.
    const _id = ids.length === 1 ? ids[0]! : { $in: [...ids] };
    const found = await this.tasks.collection.find({ _id }, { batchSize: ids.length + 1 }).toArray();
    const byId = new Map(found.filter(({ gone }) => !gone).map((document) => [document._id, document]));
    const { loaded, unreadable: damaged } = this.tasks.load(ids.flatMap((id) => byId.get(id) ?? []));
    missing.push(...ids.filter((id) => !byId.has(id)));
    unreadable.push(...damaged);
    return loaded;
  }

  /** Decides and writes, and does so again for those that somebody else has changed meanwhile. */
  async #settle<T>(
    loaded: readonly Loaded[],
    apply: Apply<T>,
    progress: Progress<T>,
    claim: { readonly reservation: string | null; readonly due: DueFilter } | null,
  ): Promise<void> {
    let pending = loaded;
    for (let round = 1; pending.length > 0; round += 1) {
      const token = newToken();
      const { decided, left } = this.#decide(pending, apply, progress, token);
      const reservation = claim?.reservation ?? null;
      const releases = reservation === null ? [] : left.map((one) => releaseOf(one, reservation));
      await this.outbox.save(decided.flatMap(({ early }) => early));
      const outcomes = await writeBatch(this.tasks.collection, decided, releases, token);
      await this.#deliver(decided, outcomes, token);
      const conflicts = note(decided, outcomes, progress);
      // What was not reserved was another claimer's, most likely. If it is due all the same, the next claim finds it.
      if (conflicts.length === 0 || (claim && reservation === null)) return;
      if (round === MAX_ROUNDS) {
        for (const { task } of conflicts) {
          const error = new VersionConflictError(task.id, task.version, task.version + 1);
          progress.failed.push({ id: task.id, error });
        }
        return;
      }
      // Lets the others through, each for another moment.
      if (round >= PATIENT_ROUNDS) await pause(MACHINE, Math.random() * PAUSE_MS);
      progress.storeNow = await this.now();
      const again = conflicts.map(({ task }) => task.id);
      pending = claim
        ? (await this.#load(again, { ...progress, missing: [] })).filter((one) => isStillDue(one, progress, claim))
        : await this.#load(again, progress);
    }
  }

  #decide<T>(loaded: readonly Loaded[], apply: Apply<T>, progress: Progress<T>, token: string) {
    const { storeNow, failed, committed } = progress;
    const decided: Decision<T>[] = [];
    const left: Loaded[] = [];
    const values = committed.map(({ value }) => value);
    for (const one of loaded) {
      try {
        const change = apply(one.task, storeNow, values);
        if (!change) {
          left.push(one);
          progress.left.push(one.task);
          continue;
        }
        decided.push(this.#decisionOf(one, change, token, storeNow));
        values.push(change.value);
      } catch (error) {
        failed.push({ id: one.task.id, error });
        left.push(one);
      }
    }
    return { decided, left };
  }

  #decisionOf<T>(loaded: Loaded, change: Change<T>, token: string, storeNow: number): Decision<T> {
    const { task, document } = loaded;
    // The writers tell apart a task that was removed and added again, whose version may be the same.
    const filter = { _id: task.id, version: task.version, writers: document.writers };
    // What an earlier writer has not copied yet is carried along, or it would be overwritten.
    const { history = [] } = change;
    const waiting = history.length > 0 || change.task === null ? (document.outbox ?? []) : [];
    const all = [...waiting, ...history.map((run) => this.tasks.runDocument(run))];
    const fits = sizeOf(all) <= MAX_OUTBOX_LENGTH;
    const [rows, early] = fits ? [all, []] : [[], all];
    if (change.task === null && rows.length === 0) {
      return { loaded, change, rows, early, operation: { deleteOne: { filter } } };
    }
    const changed = changedTask(task, change);
    const fields = changed
      ? this.tasks.changed(changed, task)
      : { gone: true as const, dueAt: null, version: task.version + 1 };
    const $set = {
      ...fields,
      writers: writersWith(token, document),
      ...(rows.length > 0 && { outbox: rows, outboxBy: token, outboxAt: storeNow }),
    };
    return { loaded, change, rows, early, operation: { updateOne: { filter, update: { $set } } } };
  }

  async #deliver<T>(decided: readonly Decision<T>[], outcomes: readonly Outcome[], token: string): Promise<void> {
    const posted = decided.flatMap(({ loaded, change, rows }, at) =>
      outcomes[at] === 'ok' && rows.length > 0 ? [{ id: loaded.task.id, rows, isGone: change.task === null }] : [],
    );
    await this.outbox.deliver(posted, token);
  }
}

/** Sorts what became of the decisions. Returns those that somebody else was faster with. */
function note<T>(decided: readonly Decision<T>[], outcomes: readonly Outcome[], progress: Progress<T>): Loaded[] {
  const conflicts: Loaded[] = [];
  decided.forEach(({ loaded, change }, at) => {
    const { task } = loaded;
    const { id } = task;
    const outcome = outcomes[at]!;
    if (outcome === 'ok') progress.committed.push({ id, task: changedTask(task, change), value: change.value });
    else if (outcome === 'conflict') conflicts.push(loaded);
    else progress.failed.push({ id, error: outcome });
  });
  return conflicts;
}

function isStillDue<T>(
  { task, document }: Loaded,
  { storeNow }: Progress<T>,
  { due }: { readonly due: DueFilter },
): boolean {
  return isAskedFor(task, due) && document.dueAt !== null && document.dueAt <= storeNow;
}

/** About how much of a document the rows would take, in characters. */
function sizeOf(rows: readonly RunDocument[]): number {
  return rows.reduce((sum, { outcome }) => sum + 1_000 + (outcome?.length ?? 0), 0);
}

/** Gives a task back that was reserved and is left as it is. */
function releaseOf({ task }: Loaded, reservation: string): mongo.AnyBulkWriteOperation<TaskDocument> {
  return {
    updateOne: {
      filter: { _id: task.id, reservedBy: reservation },
      update: { $set: { reservedUntil: 0, reservedBy: null } },
    },
  };
}
