import type { mongo } from 'mongoose';
import type { Logger } from '../../model/logger.js';
import type { Collections, RunDocument, TaskDocument } from './mongoose.documents.js';
import { saveDocuments } from './mongoose.saving.js';

/** How old an outbox is before somebody else copies it, in milliseconds: its writer is dead then, or was cut off. */
const ABANDONED_MS = 5_000;

/** How often it is looked for such, in milliseconds. */
const SWEEP_INTERVAL_MS = 10_000;

/** How many are copied in one go. */
const SWEEP_BATCH = 100;

/** How many batches are remembered that could not be copied. Further ones are left to the sweep. */
const MAX_LATE = 100;

/** The fields that are taken out when an outbox has been copied. */
const OUTBOX = { outbox: '', outboxBy: '', outboxAt: '' } as const;

/** Ended runs that stand in their task's document. */
export interface Posted {
  readonly id: string;
  readonly rows: readonly RunDocument[];
  /** Whether the task was removed with the same write: its document goes when they are copied. */
  readonly isGone: boolean;
}

/**
 * The history of ended runs. Without transactions, a run and the change of its task cannot be written to two collections
 * in one step: so the run is written into the task's document first, together with the change, copied to its collection,
 * and taken out. Whoever dies in between leaves it there for others to copy; copying twice does no harm.
 */
export class MongooseOutbox {
  #sweptAt = -Infinity;
  readonly #late: { readonly posted: readonly Posted[]; readonly token: string }[] = [];

  constructor(
    private readonly collections: Collections,
    private readonly logger: Logger,
  ) {}

  /**
   * Copies what was written under a token. Never rejects: the change itself is done, and what is not copied now is copied
   * later, by this process or by another one.
   */
  async deliver(posted: readonly Posted[], token: string): Promise<void> {
    if (posted.length === 0) return;
    if (!(await this.#tryToCopy(posted, token)) && this.#late.length < MAX_LATE) this.#late.push({ posted, token });
  }

  /** Tries again what could not be copied. Never rejects. */
  async deliverLate(): Promise<void> {
    for (let left = this.#late.length; left > 0; left -= 1) {
      const { posted, token } = this.#late.shift()!;
      await this.deliver(posted, token);
    }
  }

  async #tryToCopy(posted: readonly Posted[], token: string): Promise<boolean> {
    try {
      await this.#copy(posted, (id) => ({ _id: id, outboxBy: token }));
      return true;
    } catch (error) {
      this.logger.warn(`Ended runs are to be copied to the history later: ${(error as Error).message}`);
      return false;
    }
  }

  /** Copies what dead writers have left, when it is time to look for it. */
  async sweepNowAndThen(now: number): Promise<void> {
    if (now - this.#sweptAt < SWEEP_INTERVAL_MS) return;
    this.#sweptAt = now;
    await this.sweep({ outboxBy: { $gt: '' }, outboxAt: { $lte: now - ABANDONED_MS } });
  }

  /** Copies the outboxes of the tasks that a filter finds, also of removed ones. */
  async sweep(filter: mongo.Filter<TaskDocument>): Promise<void> {
    for (;;) {
      const found = await this.collections.tasks
        .find(filter, { projection: { outbox: 1, outboxBy: 1, gone: 1 } })
        .limit(SWEEP_BATCH)
        .toArray();
      const writers = new Map(found.map(({ _id, outboxBy }) => [_id, outboxBy!]));
      const posted = found.map(({ _id, outbox = [], gone = false }) => ({ id: _id, rows: outbox, isGone: gone }));
      // A newer writer carries these along, and takes them out itself.
      if (posted.length > 0) await this.#copy(posted, (id) => ({ _id: id, outboxBy: writers.get(id)! }));
      if (found.length < SWEEP_BATCH) return;
    }
  }

  async #copy(posted: readonly Posted[], own: (id: string) => mongo.Filter<TaskDocument>): Promise<void> {
    await this.save(posted.flatMap(({ rows }) => rows));
    // A task that was there when its outbox was written is there as long as it has that one: a removal writes a new one.
    const { tasks } = this.collections;
    const gone = posted.filter(({ isGone }) => isGone).map(({ id }) => own(id));
    if (gone.length > 0) await tasks.deleteMany(combine(gone));
    const kept = posted.filter(({ isGone }) => !isGone).map(({ id }) => own(id));
    if (kept.length > 0) await tasks.updateMany(combine(kept), { $unset: OUTBOX });
  }

  /** Keeps ended runs, each replacing the one with the same id, attempt and token. */
  async save(rows: readonly RunDocument[]): Promise<void> {
    await saveDocuments(this.collections.runs, rows);
  }
}

/** One filter for all: those of one token by a list of ids. */
function combine(filters: readonly mongo.Filter<TaskDocument>[]): mongo.Filter<TaskDocument> {
  const tokens = new Set(filters.map(({ outboxBy }) => outboxBy));
  const ids = filters.map(({ _id }) => _id as string);
  if (tokens.size === 1) return { _id: { $in: ids }, outboxBy: [...tokens][0] } as mongo.Filter<TaskDocument>;
  return { $or: [...filters] };
}
