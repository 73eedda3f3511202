import type { mongo } from 'mongoose';
import type { TakenTask } from '../../model/change.js';
import { leaseOf } from '../exchange.js';
import type { Taken, TakeRequest } from '../exchange.interface.js';
import type { TaskDocument } from './mongoose.documents.js';
import { firstDue } from './mongoose.due-tasks.js';
import { isAnswerLost } from './mongoose.errors.js';
import type { Loaded, MongooseTasks } from './mongoose.tasks.js';
import { newToken } from './mongoose.writers.js';

/** How often it is looked again when others were faster with all that was seen. */
const MAX_ROUNDS = 10;

/** How often an update is sent when its answer is lost: it takes nothing twice. */
const MAX_SENDS = 3;

/** A task that is to be taken. */
interface Candidate extends TakenTask {
  readonly document: TaskDocument;
}

/**
 * Takes due tasks: reads them, and puts all of them under a lease with one update, whose filter repeats what was read. Only where
 * others were faster is it asked which were taken.
 */
export async function takeDue(
  tasks: MongooseTasks,
  { owner, leaseMs, ...due }: TakeRequest,
  now: () => Promise<number>,
): Promise<Taken> {
  let storeNow = await now();
  if (due.limit <= 0 || due.handlers?.length === 0) return { tasks: [], storeNow };
  for (let round = 1; round <= MAX_ROUNDS; round += 1) {
    const { loaded } = await firstDue(tasks, due, storeNow);
    const request = { ...due, owner, leaseMs };
    const candidates = loaded.map(({ task, document }: Loaded): Candidate => ({
      task,
      document,
      lease: leaseOf(task, storeNow, request),
    }));
    const taken = await takeThese(tasks.collection, candidates, storeNow);
    if (taken.length > 0 || candidates.length === 0) {
      return { tasks: taken.map(({ task, lease }) => ({ task, lease })), storeNow };
    }
    storeNow = await now();
  }
  return { tasks: [], storeNow };
}

/** Returns those of the candidates that were taken, in their order. */
async function takeThese(
  collection: mongo.Collection<TaskDocument>,
  candidates: readonly Candidate[],
  storeNow: number,
): Promise<readonly Candidate[]> {
  if (candidates.length === 0) return [];
  const mark = newToken();
  const operations = operationsFor(candidates, storeNow, mark);
  if ((await sendSafely(collection, operations)) === candidates.length) return candidates;
  const ids = candidates.map(({ task }) => task.id);
  const mine = await collection
    .find({ _id: { $in: ids }, exchangedBy: mark }, { projection: { _id: 1 }, batchSize: ids.length + 1 })
    .toArray();
  const taken = new Set(mine.map(({ _id }) => _id));
  return candidates.filter(({ task }) => taken.has(task.id));
}

/** Returns how many were taken; less where that is not known. */
async function sendSafely(
  collection: mongo.Collection<TaskDocument>,
  operations: mongo.AnyBulkWriteOperation<TaskDocument>[],
): Promise<number> {
  for (let sends = 1; ; sends += 1) {
    try {
      const { modifiedCount } = await collection.bulkWrite(operations, { ordered: false });
      return sends === 1 ? modifiedCount : -1;
    } catch (error) {
      if (!isAnswerLost(error) || sends === MAX_SENDS) throw error;
    }
  }
}

/** Nearly all tasks get the same lease, so one update is for all of them. */
function operationsFor(
  candidates: readonly Candidate[],
  storeNow: number,
  mark: string,
): mongo.AnyBulkWriteOperation<TaskDocument>[] {
  const alike = candidates.filter(isPlain);
  const others = candidates.filter((one) => !isPlain(one));
  const free = { reservedUntil: { $lte: storeNow } };
  const operations = others.map((one): mongo.AnyBulkWriteOperation<TaskDocument> => ({
    updateOne: { filter: { ...standOf(one), ...free }, update: updateOf(one, mark) },
  }));
  if (alike.length === 0) return operations;
  const filter = { ...asRead(alike), ...free };
  return [...operations, { updateMany: { filter, update: updateOf(alike[0]!, mark) } }];

  function isPlain({ task, lease }: Candidate): boolean {
    return task.state.lease === null && lease.token === storeNow;
  }
}

function updateOf({ task, lease }: Candidate, mark: string): mongo.UpdateFilter<TaskDocument> {
  // One that was under a lease is counted as running already.
  const running = task.state.lease === null ? 1 : 0;
  return {
    $set: {
      lease: { ...lease },
      lastToken: lease.token,
      dueAt: lease.until,
      stateName: 'running',
      finished: false,
      exchangedBy: mark,
    },
    $inc: { version: 1, running },
  };
}

function standOf({ document: { _id, version, writers } }: Candidate) {
  return { _id, version, writers };
}

/**
 * The tasks as they were read, by a condition for each version. Every change makes another version of a task; one that was removed
 * and added again, which may have the same, has a writer that was not read.
 */
function asRead(candidates: readonly Candidate[]): mongo.Filter<TaskDocument> {
  const groups = new Map<number, Candidate[]>();
  for (const one of candidates) {
    const group = groups.get(one.document.version);
    if (group) group.push(one);
    else groups.set(one.document.version, [one]);
  }
  const conditions = Array.from(groups, ([version, group]) => ({
    _id: { $in: group.map(({ task }) => task.id) },
    version,
    writers: { $in: [...new Set(group.map(({ document }) => document.writers))] },
  }));
  return conditions.length === 1 ? conditions[0]! : { $or: conditions };
}
