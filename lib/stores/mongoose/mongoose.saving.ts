import type { mongo } from 'mongoose';
import { isDuplicateWrite, writeErrorsOf } from './mongoose.errors.js';

/** Keeps documents, each instead of the one with the same `_id`: of several with one, the last. */
export async function saveDocuments<T extends { readonly _id: string }>(
  collection: mongo.Collection<T>,
  documents: readonly T[],
): Promise<void> {
  const latest = [...new Map(documents.map((document) => [document._id, document])).values()];
  if (latest.length === 0) return;
  try {
    await collection.insertMany(latest as mongo.OptionalUnlessRequiredId<T>[], { ordered: false });
  } catch (error) {
    const failed = writeErrorsOf(error);
    if (!failed?.every(isDuplicateWrite)) throw error;
    await collection.bulkWrite(
      failed.map(({ index }) => {
        const { _id, ...replacement } = latest[index]!;
        return { replaceOne: { filter: { _id }, replacement, upsert: true } } as mongo.AnyBulkWriteOperation<T>;
      }),
      { ordered: false },
    );
  }
}
