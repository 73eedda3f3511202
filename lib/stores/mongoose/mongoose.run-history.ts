import type { mongo } from 'mongoose';
import type { RunFilter, RunPage, RunPageRequest } from '../../model/query.js';
import type { TaskCodec } from '../../persistence/codec.interface.js';
import { formatRunCursor, parseRunCursor, runKey } from '../task-query.js';
import type { RunDocument } from './mongoose.documents.js';

/** The latest end first, then by run id, then the latest attempt. */
const ORDER = { endedAt: -1, id: 1, attempt: -1 } as const;

/** How many tasks' histories are looked through at a time. */
const TASK_BATCH = 200;

/** Reads and prunes the collection of ended runs. */
export class MongooseRunHistory {
  constructor(
    private readonly runs: mongo.Collection<RunDocument>,
    private readonly codec: TaskCodec,
  ) {}

  /** @throws InvalidOptionError For a cursor that it did not make. */
  async query(filter: RunFilter, { limit, cursor }: RunPageRequest): Promise<RunPage> {
    const after = cursor === undefined ? null : afterOf(cursor);
    const conditions = after ? { $and: [filterOf(filter), after] } : filterOf(filter);
    const found = await this.runs
      .find(conditions)
      .sort(ORDER)
      .limit(limit + 1)
      .toArray();
    const runs = found.slice(0, limit).map(({ _id, ...row }) => this.codec.decodeRun(row));
    const last = runs.at(-1);
    return { runs, next: found.length > limit && last ? formatRunCursor(runKey(last)) : null };
  }

  async prune(options: { before: number | null; keep: number | null; limit: number }): Promise<number> {
    const { before, keep, limit } = options;
    let removed = 0;
    if (before !== null) removed += await this.#pruneBefore(before, limit);
    if (keep !== null && removed < limit) removed += await this.#pruneBeyond(keep, limit - removed);
    return removed;
  }

  async #pruneBefore(before: number, limit: number): Promise<number> {
    const found = await this.runs
      .find({ endedAt: { $lt: before } }, { projection: { _id: 1 } })
      .sort({ endedAt: 1, id: -1, attempt: 1 })
      .limit(limit)
      .toArray();
    return this.#remove(found.map(({ _id }) => _id));
  }

  /** The oldest go first, so that a pruning that is cut short leaves the newer ones. */
  async #pruneBeyond(keep: number, limit: number): Promise<number> {
    const counted = await this.runs
      .aggregate<{ _id: string; count: number }>([
        { $group: { _id: '$taskId', count: { $sum: 1 } } },
        { $match: { count: { $gt: keep } } },
      ])
      .toArray();
    const doomed: Pick<RunDocument, '_id' | 'endedAt'>[] = [];
    for (let at = 0; at < counted.length; at += TASK_BATCH) {
      doomed.push(
        ...(await this.#beyond(
          keep,
          counted.slice(at, at + TASK_BATCH).map(({ _id }) => _id),
        )),
      );
      if (doomed.length >= limit) break;
    }
    doomed.sort((a, b) => a.endedAt - b.endedAt);
    return this.#remove(doomed.slice(0, limit).map(({ _id }) => _id));
  }

  async #beyond(keep: number, taskIds: readonly string[]): Promise<Pick<RunDocument, '_id' | 'endedAt'>[]> {
    const newer = new Map<string, number>();
    const beyond: Pick<RunDocument, '_id' | 'endedAt'>[] = [];
    const found = this.runs
      .find({ taskId: { $in: [...taskIds] } }, { projection: { _id: 1, taskId: 1, endedAt: 1 } })
      .sort({ taskId: 1, ...ORDER });
    for await (const { _id, taskId, endedAt } of found) {
      const count = newer.get(taskId) ?? 0;
      newer.set(taskId, count + 1);
      if (count >= keep) beyond.push({ _id, endedAt });
    }
    return beyond;
  }

  async #remove(ids: string[]): Promise<number> {
    return ids.length === 0 ? 0 : (await this.runs.deleteMany({ _id: { $in: ids } })).deletedCount;
  }
}

function filterOf({ taskId, runId, status, source, owner, from, to }: RunFilter): mongo.Filter<RunDocument> {
  return {
    ...(taskId !== undefined && { taskId }),
    ...(runId !== undefined && { id: runId }),
    ...(status !== undefined && { status }),
    ...(source !== undefined && { source }),
    ...(owner !== undefined && { owner }),
    ...((from !== undefined || to !== undefined) && {
      endedAt: { ...(from !== undefined && { $gte: from }), ...(to !== undefined && { $lt: to }) },
    }),
  };
}

function afterOf(cursor: string): mongo.Filter<RunDocument> {
  const { endedAt, id, attempt } = parseRunCursor(cursor);
  return {
    $or: [{ endedAt: { $lt: endedAt } }, { endedAt, id: { $gt: id } }, { endedAt, id, attempt: { $lt: attempt } }],
  };
}
