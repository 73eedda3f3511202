import type { mongo } from 'mongoose';
import type { PageRequest, StoredTaskFilter, StoredTaskPage, TaskSort, TaskSortKey } from '../../model/query.js';
import { isOfKind, lifecycleOf } from '../../model/start-tasks.js';
import type { StartTaskKind, StartTaskPage, StartTaskPageRequest } from '../../model/start-tasks.js';
import { isUnreadable } from '../../model/task.js';
import { INTERNAL_HANDLER } from '../../model/definition.js';
import { PRESENT } from './mongoose.documents.js';
import type { TaskDocument } from './mongoose.documents.js';
import type { MongooseTasks } from './mongoose.tasks.js';

const FIELDS: Readonly<Record<TaskSortKey, string>> = {
  id: '_id',
  name: 'order.name',
  nextRunTime: 'nextRunOrder',
  state: 'stateName',
  executor: 'order.executor',
  trigger: 'order.trigger',
  handler: 'order.handler',
  priority: 'priority',
};

/** How often a page is read again because damaged tasks came up in it. */
const MAX_READS = 5;

/** Filters, sorts and pages tasks in the database. */
export class MongooseTaskQuery {
  constructor(private readonly tasks: MongooseTasks) {}

  async query(filter: StoredTaskFilter, sort: TaskSort, page: PageRequest): Promise<StoredTaskPage> {
    if (filter.state === 'pending') return { tasks: [], total: 0 };
    for (let reads = 1; ; reads += 1) {
      // Which records are damaged shows only when they are read: no column says so.
      const damaged = filter.state === undefined ? [] : await this.tasks.damaged();
      const result = await this.#read(this.#filterOf(filter, damaged), sort, page);
      const strays = filter.state !== undefined && filter.state !== 'unreadable' && result.tasks.some(isUnreadable);
      if (!strays || reads === MAX_READS) return result;
    }
  }

  async startTasks(kind: StartTaskKind, { limit, cursor = '' }: StartTaskPageRequest): Promise<StartTaskPage> {
    const trigger = lifecycleOf(kind);
    const filter = {
      ...PRESENT,
      startTaskId: { $gt: cursor },
      // The others are told apart by their definitions.
      ...(trigger !== null && { trigger }),
    } as mongo.Filter<TaskDocument>;
    const documents = await this.tasks.collection.find(filter).sort({ startTaskId: 1 }).limit(limit).toArray();
    const tasks = this.tasks.load(documents).loaded.map(({ task }) => task);
    return {
      tasks: tasks.filter(({ definition }) => isOfKind(definition, kind)),
      next: documents.length < limit ? null : documents.at(-1)!._id,
    };
  }

  async #read(
    filter: mongo.Filter<TaskDocument>,
    { by, descending }: TaskSort,
    page: PageRequest,
  ): Promise<StoredTaskPage> {
    const { collection } = this.tasks;
    const direction = descending ? -1 : 1;
    const found = () =>
      collection
        .find(filter)
        .sort({ [FIELDS[by]]: direction, _id: direction })
        .skip(page.offset)
        // Zero means "no limit" to MongoDB.
        .limit(page.limit)
        .toArray();
    const [documents, total] = await Promise.all([page.limit > 0 ? found() : [], collection.countDocuments(filter)]);
    return { tasks: documents.map((document) => this.tasks.decode(document)), total };
  }

  #filterOf(filter: StoredTaskFilter, damaged: string[]): mongo.Filter<TaskDocument> {
    const { state, handler, executor, trigger, tag, q, after } = filter;
    const conditions: object[] = [PRESENT, { handler: { $ne: INTERNAL_HANDLER } }];
    if (handler !== undefined) conditions.push({ handler });
    if (executor !== undefined) conditions.push({ executor });
    if (trigger !== undefined) conditions.push({ trigger });
    if (tag !== undefined) conditions.push({ tags: tag });
    if (after !== undefined) conditions.push({ _id: { $gt: after } });
    if (q !== undefined) conditions.push({ search: { $regex: escapeRegex(q.trim().toLowerCase()) } });
    if (state === 'unreadable') {
      conditions.push({ $or: [{ $nor: [this.tasks.readable] }, { _id: { $in: damaged } }] });
    } else if (state !== undefined) {
      conditions.push({ stateName: state, ...this.tasks.readable, _id: { $nin: damaged } });
    }
    return { $and: conditions } as mongo.Filter<TaskDocument>;
  }
}

function escapeRegex(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&');
}
