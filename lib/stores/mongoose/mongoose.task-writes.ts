import type { mongo } from 'mongoose';
import { InvalidOptionError } from '../../errors/input.errors.js';
import { TaskConflictError, VersionConflictError } from '../../errors/task.errors.js';
import { INTERNAL_HANDLER } from '../../model/definition.js';
import type { TaskRecord } from '../../model/task.js';
import { assertReplaceable } from '../assert-replaceable.js';
import { distinctIds } from '../distinct-ids.js';
import { PRESENT } from './mongoose.documents.js';
import { isDuplicateKey, isDuplicateWrite, writeErrorsOf } from './mongoose.errors.js';
import type { MongooseOutbox } from './mongoose.outbox.js';
import type { MongooseTasks } from './mongoose.tasks.js';
import type { ChangeStreamChannel } from './mongoose.wake-channel.js';
import { newToken, writersWith } from './mongoose.writers.js';

/** How often a removal is tried while others write. */
const MAX_ROUNDS = 20;

/** Adds, replaces and removes tasks as a whole. */
export class MongooseTaskWrites {
  /** @param channel Only where the server has transactions, and with them change streams. */
  constructor(
    private readonly tasks: MongooseTasks,
    private readonly outbox: MongooseOutbox,
    private readonly channel: ChangeStreamChannel | null,
  ) {}

  /**
   * Adds tasks as part of the caller's transaction. Returns the ids that were given twice.
   *
   * @throws TaskConflictError When an id is there already: that has aborted the transaction.
   * @throws InvalidOptionError For what is no session, or where the server has no transactions.
   */
  async addIn(transaction: unknown, records: readonly TaskRecord[]): Promise<readonly string[]> {
    const session = transaction as mongo.ClientSession | null;
    if (this.channel === null || typeof session?.inTransaction !== 'function') {
      throw new InvalidOptionError(
        'transaction',
        typeof session,
        'a ClientSession, where the server is a replica set or a sharded cluster',
      );
    }
    const { distinct, repeated } = distinctIds(records);
    if (distinct.length === 0) return repeated;
    const writers = newToken();
    const documents = distinct.map((task) => this.tasks.documentOf(task, writers));
    try {
      await this.tasks.collection.insertMany(documents, { session });
    } catch (error) {
      if (!isDuplicateKey(error)) throw error;
      const [refused] = writeErrorsOf(error) ?? [];
      throw new TaskConflictError(documents[refused?.index ?? 0]!._id);
    }
    const due = documents.flatMap(({ dueAt }) => (dueAt === null ? [] : [dueAt]));
    if (due.length > 0) await this.channel.sendIn(session, Math.min(...due));
    return repeated;
  }

  /** Returns the ids that were there already. */
  async addAll(records: readonly TaskRecord[]): Promise<readonly string[]> {
    const { distinct, repeated } = distinctIds(records);
    const { collection } = this.tasks;
    const writers = newToken();
    const there = await insertNew(
      collection,
      distinct.map((task) => this.tasks.documentOf(task, writers)),
    );
    if (there.length === 0) return repeated;
    // A task that is being removed this very moment is not there any more.
    await this.outbox.sweep({ _id: { $in: there.map(({ _id }) => _id) }, gone: true });
    const again = await insertNew(collection, there);
    return [...repeated, ...again.map(({ _id }) => _id)];
  }

  /**
   * @throws TaskNotFoundError When it is not there.
   * @throws TaskUnreadableError When its record cannot be read.
   * @throws VersionConflictError When another version is there.
   */
  async replace(task: TaskRecord, expectedVersion: number): Promise<void> {
    const { collection } = this.tasks;
    const fields = this.tasks.changed(task, null);
    for (let round = 1; ; round += 1) {
      const found = await collection.findOne({ _id: task.id, ...PRESENT });
      assertReplaceable(task.id, found && this.tasks.decode(found), expectedVersion);
      const { matchedCount } = await collection.updateOne(
        { _id: task.id, version: expectedVersion, writers: found!.writers },
        { $set: { ...fields, writers: writersWith(newToken(), found!) } },
      );
      if (matchedCount > 0) return;
      if (round === MAX_ROUNDS) throw new VersionConflictError(task.id, expectedVersion, expectedVersion + 1);
    }
  }

  /** Returns whether it was there. */
  async remove(id: string): Promise<boolean> {
    const { collection } = this.tasks;
    for (let round = 1; ; round += 1) {
      // Ended runs that are still in there must not go with it.
      const { deletedCount } = await collection.deleteOne({ _id: id, ...PRESENT, outboxBy: null } as object);
      if (deletedCount > 0) return true;
      const found = await collection.findOne({ _id: id, ...PRESENT }, { projection: { version: 1 } });
      if (!found) return false;
      if (round > MAX_ROUNDS) throw new VersionConflictError(id, found.version, found.version + 1);
      await this.outbox.sweep({ _id: id, outboxBy: { $gt: '' } });
    }
  }

  /** Removes all but internal records. Returns how many there were. */
  async removeAll(): Promise<number> {
    const { collection } = this.tasks;
    const filter = { outboxBy: null, handler: { $ne: INTERNAL_HANDLER } } as object;
    let removed = 0;
    for (let round = 1; round <= MAX_ROUNDS; round += 1) {
      removed += (await collection.deleteMany(filter)).deletedCount;
      if (!(await collection.findOne({ outboxBy: { $gt: '' } }, { projection: { _id: 1 } }))) break;
      await this.outbox.sweep({ outboxBy: { $gt: '' } });
    }
    return removed;
  }
}

/** Adds what is not there yet. Returns the rest. */
async function insertNew<T extends { readonly _id: string }>(
  collection: mongo.Collection<T>,
  documents: readonly T[],
): Promise<T[]> {
  if (documents.length === 0) return [];
  try {
    await collection.insertMany(documents as mongo.OptionalUnlessRequiredId<T>[], { ordered: false });
    return [];
  } catch (error) {
    const refused = writeErrorsOf(error);
    if (!refused?.every(isDuplicateWrite)) throw error;
    return refused.map(({ index }) => documents[index]!);
  }
}
