import type { mongo } from 'mongoose';
import type { KnownChange } from '../../model/change.js';
import type { Written } from '../exchange.interface.js';
import type { FailedChange } from '../selection.interface.js';
import type { Collections, RunDocument, TaskDocument } from './mongoose.documents.js';
import { isDuplicateWrite, writeErrorsOf } from './mongoose.errors.js';
import type { MongooseTasks } from './mongoose.tasks.js';
import { newToken } from './mongoose.writers.js';

/** A change with the documents of its ended runs. */
interface Known {
  readonly id: string;
  readonly change: KnownChange;
  readonly rows: readonly RunDocument[];
}

/**
 * Writes known changes: the ended runs first, then the tasks, each of which is still what the change was made from. The runs of
 * changes that are lost are taken out again. If the process dies in between, a run stands in the history whose end has not come: the
 * next scheduler records it as lost, in its place.
 */
export async function writeKnown(
  { tasks: collection, runs }: Collections,
  tasks: MongooseTasks,
  changes: readonly KnownChange[],
): Promise<Written> {
  const known = changes.map((change): Known => ({
    id: change.from.id,
    change,
    rows: (change.history ?? []).map((run) => tasks.runDocument(run)),
  }));
  const before = await insertRuns(runs, known);
  const { lost, failed } = await writeTasks(collection, tasks, known, before);
  const unwritten = new Set([...lost, ...failed.map(({ id }) => id)]);
  const rowsOf = (isWritten: boolean) => known.flatMap(({ id, rows }) => (unwritten.has(id) === isWritten ? [] : rows));
  const late = unwritten.size === 0 ? [] : rowsOf(false).filter(({ _id }) => !before.has(_id));
  // As they were written here: whoever took the run over may have recorded it as lost in the same place by now.
  const own = late.map(({ _id, status, endedAt }) => ({ _id, status, endedAt }));
  if (own.length > 0) await runs.deleteMany({ $or: own });
  const replaced = before.size === 0 ? [] : rowsOf(true).filter(({ _id }) => before.has(_id));
  if (replaced.length > 0) await runs.bulkWrite(replaced.map(replacementOf), { ordered: false });
  return { lost: [...lost], failed };
}

/** Returns the keys of those that were there before. */
async function insertRuns(runs: mongo.Collection<RunDocument>, known: readonly Known[]): Promise<ReadonlySet<string>> {
  const rows = known.flatMap((one) => one.rows);
  if (rows.length === 0) return new Set();
  try {
    await runs.insertMany(rows, { ordered: false });
    return new Set();
  } catch (error) {
    const refused = writeErrorsOf(error);
    if (!refused?.every(isDuplicateWrite)) throw error;
    return new Set(refused.map(({ index }) => rows[index]!._id));
  }
}

function replacementOf({ _id, ...replacement }: RunDocument): mongo.AnyBulkWriteOperation<RunDocument> {
  return { replaceOne: { filter: { _id }, replacement, upsert: true } };
}

async function writeTasks(
  collection: mongo.Collection<TaskDocument>,
  tasks: MongooseTasks,
  known: readonly Known[],
  before: ReadonlySet<string>,
): Promise<{ readonly lost: ReadonlySet<string>; readonly failed: readonly FailedChange[] }> {
  const mark = newToken();
  const removed = known.filter(({ change }) => change.task === null);
  const changed = known.filter(({ change }) => change.task !== null);
  const failed: FailedChange[] = [];
  const operations = changed.flatMap(({ id, change: { from, task } }) => {
    try {
      const fields = tasks.changed({ ...task!, version: from.version + 1 }, from);
      return [{ updateOne: { filter: standOf(from), update: { $set: { ...fields, exchangedBy: mark } } } }];
    } catch (error) {
      failed.push({ id, error });
      return [];
    }
  });
  if (removed.length > 0) {
    // Ended runs that are still in a document must not go with it.
    operations.push({ deleteMany: { filter: { ...asKnown(removed), outboxBy: null } } } as never);
  }
  if (operations.length === 0) return { lost: new Set(), failed };
  let done = -1;
  try {
    const { matchedCount, deletedCount } = await collection.bulkWrite(operations, { ordered: false });
    done = matchedCount + deletedCount;
  } catch (error) {
    const refused = writeErrorsOf(error);
    if (!refused) throw error;
    const written = changed.filter(({ id }) => failed.every((one) => one.id !== id));
    for (const { index, errmsg } of refused) {
      const one = written[index];
      if (!one) throw error;
      failed.push({ id: one.id, error: new Error(errmsg ?? 'refused') });
    }
  }
  if (done === known.length - failed.length) return { lost: new Set(), failed };
  return { lost: await lostOf(collection, known, failed, mark, before), failed };
}

/**
 * What was not written, by what is there now. One that was to be removed and is not there was removed here, unless its run was in
 * the history before: then another scheduler has taken it over, and has brought it to its end.
 */
async function lostOf(
  collection: mongo.Collection<TaskDocument>,
  known: readonly Known[],
  failed: readonly FailedChange[],
  mark: string,
  before: ReadonlySet<string>,
): Promise<ReadonlySet<string>> {
  const hasFailed = new Set(failed.map(({ id }) => id));
  const asked = known.filter(({ id }) => !hasFailed.has(id));
  const ids = asked.map(({ id }) => id);
  const found = await collection
    .find({ _id: { $in: ids } }, { projection: { exchangedBy: 1 }, batchSize: ids.length + 1 })
    .toArray();
  const marks = new Map(found.map(({ _id, exchangedBy }) => [_id, exchangedBy ?? '']));
  const isWritten = ({ id, change, rows }: Known) =>
    change.task === null ? !marks.has(id) && !rows.some(({ _id }) => before.has(_id)) : marks.get(id) === mark;
  return new Set(asked.filter((one) => !isWritten(one)).map(({ id }) => id));
}

function standOf({ id, version, lastToken }: KnownChange['from']) {
  return { _id: id, version, lastToken };
}

/** The tasks as they are known, by a condition for each version and token: those that were taken together have the same. */
function asKnown(known: readonly Known[]): mongo.Filter<TaskDocument> {
  const groups = new Map<string, KnownChange['from'][]>();
  for (const { change } of known) {
    const { version, lastToken } = change.from;
    const key = `${version} ${lastToken}`;
    const group = groups.get(key);
    if (group) group.push(change.from);
    else groups.set(key, [change.from]);
  }
  const conditions = Array.from(groups.values(), (group) => ({
    ...standOf(group[0]!),
    _id: { $in: group.map(({ id }) => id) },
  }));
  return conditions.length === 1 ? conditions[0]! : { $or: conditions };
}
