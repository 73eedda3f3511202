import type { mongo } from 'mongoose';
import type { Change } from '../../model/change.js';
import type { RunDocument, TaskDocument } from './mongoose.documents.js';
import { isAnswerLost, writeErrorsOf } from './mongoose.errors.js';
import type { Loaded } from './mongoose.tasks.js';
import { isWriter } from './mongoose.writers.js';

/** How often a batch is sent when its answer is lost. */
const MAX_SENDS = 3;

/** What is to become of one task, decided and not yet written. */
export interface Decision<T> {
  readonly loaded: Loaded;
  readonly change: Change<T>;
  /** The rows for its outbox; none when nothing is to be copied. */
  readonly rows: readonly RunDocument[];
  /** Rows that are too large to stand in the task's document: they are kept before it is changed. */
  readonly early: readonly RunDocument[];
  readonly operation: mongo.AnyBulkWriteOperation<TaskDocument>;
}

/** What became of it: `conflict` when somebody else was faster. */
export type Outcome = 'ok' | 'conflict' | Error;

/** Writes all in one batch. What it says is checked only where it does not speak for itself. */
export async function writeBatch<T>(
  collection: mongo.Collection<TaskDocument>,
  decided: readonly Decision<T>[],
  releases: readonly mongo.AnyBulkWriteOperation<TaskDocument>[],
  token: string,
): Promise<Outcome[]> {
  const operations = [...decided.map(({ operation }) => operation), ...releases];
  if (operations.length === 0) return [];
  for (let sends = 1; ; sends += 1) {
    try {
      const result = await collection.bulkWrite(operations, { ordered: false });
      const done = result.matchedCount + result.deletedCount;
      if (sends === 1 && done === operations.length) return decided.map(() => 'ok');
      // Of a deletion it does not tell whether somebody else has made it.
      const tellsAll = sends === 1 && operations.every((one) => 'updateOne' in one);
      if (tellsAll && done === 0) return decided.map(() => 'conflict');
      return await verify(collection, decided, token, new Map());
    } catch (error) {
      const refused = writeErrorsOf(error);
      if (refused) {
        const errors = new Map(refused.map(({ index, errmsg }) => [index, new Error(errmsg ?? 'refused')]));
        return verify(collection, decided, token, errors);
      }
      // The guards make it harmless to send it once more: what was done is not done again.
      if (!isAnswerLost(error) || sends === MAX_SENDS) throw error;
    }
  }
}

/** Looks what was really written: each document knows its last few writers. */
async function verify<T>(
  collection: mongo.Collection<TaskDocument>,
  decided: readonly Decision<T>[],
  token: string,
  errors: ReadonlyMap<number, Error>,
): Promise<Outcome[]> {
  const ids = decided.map(({ loaded }) => loaded.task.id);
  const found = await collection
    .find({ _id: { $in: ids } }, { projection: { writers: 1 }, batchSize: ids.length + 1 })
    .toArray();
  const writers = new Map(found.map((document) => [document._id, document.writers ?? '']));
  return decided.map(({ loaded, operation }, at) => {
    const error = errors.get(at);
    if (error) return error;
    const by = writers.get(loaded.task.id);
    // One that was to be deleted and is not there has become what it was to become, whoever did it.
    if (by === undefined) return 'deleteOne' in operation ? 'ok' : 'conflict';
    return isWriter(token, by) ? 'ok' : 'conflict';
  });
}
