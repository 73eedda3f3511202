import type { UnreadableTask } from '../../model/task.js';
import type { DueFilter, DueOrder } from '../selection.interface.js';
import { ANY_NUMBER } from './mongoose.documents.js';
import type { Loaded, MongooseTasks } from './mongoose.tasks.js';

/** How the index of each order is walked along: with a condition on its first field, and in its order. */
const ORDERS = {
  priority: { conditions: { priority: ANY_NUMBER }, sort: { priority: 1, dueAt: 1, _id: 1 } },
  age: { conditions: {}, sort: { dueAt: 1, _id: 1 } },
} as const;

/** Which due tasks, and how many at the most. */
interface DueRequest extends DueFilter {
  readonly limit: number;
  readonly order?: DueOrder;
}

/** The first due tasks that can be read, as they are in the store; damaged ones are read past. */
export async function firstDue(
  tasks: MongooseTasks,
  { limit, order = 'priority', ...filter }: DueRequest,
  storeNow: number,
): Promise<{ readonly loaded: readonly Loaded[]; readonly unreadable: readonly UnreadableTask[] }> {
  const claimable = await tasks.claimable(filter, storeNow, { $lte: storeNow });
  const { conditions, sort } = ORDERS[order];
  const first: Loaded[] = [];
  const unreadable: UnreadableTask[] = [];
  for (let skip = 0; ;) {
    const wanted = limit - first.length + (skip === 0 ? tasks.damagedCount : 0);
    const found = await tasks.collection
      .find({ ...claimable, ...conditions })
      .sort(sort)
      .skip(skip)
      .limit(wanted)
      .batchSize(wanted)
      .toArray();
    const { loaded, unreadable: damaged } = tasks.load(found);
    first.push(...loaded);
    unreadable.push(...damaged);
    if (found.length < wanted || first.length >= limit) return { loaded: first.slice(0, limit), unreadable };
    skip += found.length;
  }
}
