import type { mongo } from 'mongoose';
import type { StoredRunFilter, StoredRunPage, RunPageRequest } from '../../model/query.js';
import { RUN_STATUSES } from '../../model/run.js';
import type { RunStatus } from '../../model/run.js';
import type { TaskCodec } from '../../persistence/codec.interface.js';
import type { PruneOptions } from '../store.interface.js';
import { formatRunCursor, parseRunCursor, runKey } from '../task-query.js';
import type { RunDocument } from './mongoose.documents.js';

/** The latest end first, then by run id, then the latest attempt. */
const ORDER = { endedAt: -1, id: 1, attempt: -1 } as const;

/** How many tasks' histories are looked through at a time. */
const TASK_BATCH = 200;

/** The states of runs that may be kept for longer than others, and all other states: the index merges up to 200 values. */
const FAILED_STATUSES: readonly RunStatus[] = ['failed', 'lost'];
const FAILED = { status: { $in: [...FAILED_STATUSES] } };
const OTHERS = { status: { $in: RUN_STATUSES.filter((status) => !FAILED_STATUSES.includes(status)) } };

/** What is read of a run that may have to go. */
type EndedRun = Pick<RunDocument, '_id' | 'taskId' | 'endedAt'>;
const ENDED_RUN = { taskId: 1, endedAt: 1 } as const;

/** Reads and prunes the collection of ended runs. */
export class MongooseRunHistory {
  constructor(
    private readonly runs: mongo.Collection<RunDocument>,
    private readonly codec: TaskCodec,
  ) {}

  /** @throws InvalidOptionError For a cursor that it did not make. */
  async query(filter: StoredRunFilter, { limit, cursor }: RunPageRequest): Promise<StoredRunPage> {
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

  /** See `Store.pruneRuns`. Too old ones go before those that are too many, and of either the oldest first. */
  async prune({ before, keep, failedBefore, limit }: PruneOptions): Promise<number> {
    const apart = failedBefore !== null;
    const old = [
      ...(before === null ? [] : await this.#endedBefore(before, apart ? OTHERS : {}, limit)),
      ...(apart ? await this.#endedBefore(failedBefore, FAILED, limit) : []),
    ];
    const removed = await this.#remove(old, limit);
    if (keep === null || removed >= limit) return removed;
    return removed + (await this.#pruneBeyond(keep, apart ? OTHERS : {}, limit - removed));
  }

  #endedBefore(time: number, filter: mongo.Filter<RunDocument>, limit: number): Promise<EndedRun[]> {
    return this.runs
      .find({ ...filter, endedAt: { $lt: time } }, { projection: ENDED_RUN })
      .sort({ endedAt: 1, id: -1, attempt: 1 })
      .limit(limit)
      .toArray();
  }

  async #pruneBeyond(keep: number, filter: mongo.Filter<RunDocument>, limit: number): Promise<number> {
    const counted = await this.runs
      .aggregate<{ _id: string; count: number }>([
        // A condition on its first field lets it walk along the index on the task, and read no document.
        { $match: { taskId: { $gte: '' }, ...filter } },
        { $group: { _id: '$taskId', count: { $sum: 1 } } },
        { $match: { count: { $gt: keep } } },
      ])
      .toArray();
    const doomed: EndedRun[] = [];
    for (let at = 0; at < counted.length && doomed.length < limit; at += TASK_BATCH) {
      const taskIds = counted.slice(at, at + TASK_BATCH).map(({ _id }) => _id);
      doomed.push(...(await this.#beyond(keep, taskIds, filter)));
    }
    return this.#remove(doomed, limit);
  }

  async #beyond(keep: number, taskIds: readonly string[], filter: mongo.Filter<RunDocument>): Promise<EndedRun[]> {
    const newer = new Map<string, number>();
    const beyond: EndedRun[] = [];
    const found = this.runs
      .find({ taskId: { $in: [...taskIds] }, ...filter }, { projection: ENDED_RUN })
      .sort({ taskId: 1, ...ORDER });
    for await (const run of found) {
      const count = newer.get(run.taskId) ?? 0;
      newer.set(run.taskId, count + 1);
      if (count >= keep) beyond.push(run);
    }
    return beyond;
  }

  /** The oldest go first, so that a pruning that is cut short leaves the newer ones. */
  async #remove(runs: readonly EndedRun[], limit: number): Promise<number> {
    const doomed = runs.toSorted((a, b) => a.endedAt - b.endedAt).slice(0, limit);
    if (doomed.length === 0) return 0;
    return (await this.runs.deleteMany({ _id: { $in: doomed.map(({ _id }) => _id) } })).deletedCount;
  }
}

function filterOf({
  taskId,
  runId,
  status,
  source,
  dead,
  owner,
  from,
  to,
}: StoredRunFilter): mongo.Filter<RunDocument> {
  return {
    ...(taskId !== undefined && { taskId }),
    ...(runId !== undefined && { id: runId }),
    // Only these can be dead. It is said, so that the index on the status serves.
    ...(dead === true && FAILED),
    ...(status !== undefined && { status }),
    ...(source !== undefined && { source }),
    ...(dead !== undefined && { dead }),
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
