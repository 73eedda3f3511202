import type {
  CallOptions,
  PreviewInput,
  TaskDefinitionInput,
  TaskFilterInput,
  TaskListInput,
  TaskReadInput,
  TimelineInput,
  UnreadableInput,
} from '../client/operation.inputs.js';
import type { BulkCount, DefinitionPage, Timeline } from '../client/operation.results.js';
import type { Serialized } from '../client/serialized.js';
import { TaskNotFoundError, TaskUnreadableError } from '../errors/task.errors.js';
import { checkCount } from '../scheduler/tasks/call.options.js';
import { specOf } from '../scheduler/tasks/task.export.js';
import { FILTER_OPTIONS } from '../scheduler/tasks/task.filter.js';
import type { AnyTaskInfo, TaskInfo, UnreadableTaskInfo } from '../scheduler/tasks/task.info.js';
import type { TaskPreview } from '../scheduler/tasks/preview.info.js';
import type { TaskInfoPage } from '../scheduler/tasks/task.inspection.js';
import { ClusterOperations } from './cluster.operations.js';
import { checkInput, given } from './operations.base.js';
import { LONG, serialize, serializeTask, SHORT } from './serialize.js';
import { buildTimeline } from './timeline.js';

/** How many tasks a page has when nothing is said, and at the most. */
const PAGE = { usual: 100, most: 1_000 };

/** The operations that look at tasks. */
export abstract class TaskReads extends ClusterOperations {
  async listTasks(input: TaskListInput = {}, _options?: CallOptions): Promise<Serialized<TaskInfoPage>> {
    const { tasks, total } = await this.#page('listTasks', input);
    return { tasks: tasks.map((task) => serializeTask(task, SHORT)), total };
  }

  async getTask(input: TaskReadInput, _options?: CallOptions): Promise<Serialized<AnyTaskInfo>> {
    return serializeTask(await this.#find('getTask', input));
  }

  async previewTask(input: PreviewInput, _options?: CallOptions): Promise<Serialized<TaskPreview>> {
    const { id, ...options } = checkInput('previewTask', input, ['id', 'store', 'count', 'now']);
    const preview = await this.scheduler.previewTaskRuns(id, options);
    if (!preview) throw new TaskNotFoundError(id);
    return { ...serialize({ ...preview, task: null }), task: serializeTask(preview.task) };
  }

  async getTimeline(input: TimelineInput = {}, _options?: CallOptions): Promise<Timeline> {
    const {
      perTask = 3,
      limit = 100,
      ...filter
    } = checkInput('getTimeline', input, [...FILTER_OPTIONS, 'perTask', 'limit']);
    checkCount('perTask', perTask, 1, 10);
    checkCount('limit', limit, 1, 500);
    return buildTimeline(this.scheduler, filter, perTask, limit);
  }

  async exportTask(input: TaskReadInput, _options?: CallOptions): Promise<TaskDefinitionInput> {
    const task = await this.#find('exportTask', input);
    if ('unreadable' in task) throw new TaskUnreadableError(task.id, task.unreadable, task.message);
    return definitionOf(task, LONG);
  }

  async exportTasks(input: TaskListInput = {}, _options?: CallOptions): Promise<DefinitionPage> {
    const { tasks, total } = await this.#page('exportTasks', input);
    return {
      tasks: tasks.flatMap((task) => ('unreadable' in task ? [] : [definitionOf(task, LONG)])),
      total,
      unreadable: tasks.flatMap((task) => ('unreadable' in task ? [task.id] : [])),
    };
  }

  async listUnreadable(
    input: UnreadableInput = {},
    _options?: CallOptions,
  ): Promise<readonly Serialized<UnreadableTaskInfo>[]> {
    const { store, limit } = checkInput('listUnreadable', input, ['store', 'limit']);
    const { tasks } = await this.#page('listUnreadable', {
      ...given('store', store),
      ...given('limit', limit),
      state: 'unreadable',
      sortBy: 'id',
    });
    return tasks.flatMap((task) => ('unreadable' in task ? [serialize(task)] : []));
  }

  async countTasks(input: TaskFilterInput = {}, _options?: CallOptions): Promise<BulkCount> {
    const filter = checkInput('countTasks', input, FILTER_OPTIONS);
    const { total } = await this.scheduler.getTaskInfos({ ...filter, limit: 1 });
    return { matching: total };
  }

  async #page(call: string, input: TaskListInput): Promise<TaskInfoPage> {
    const { limit = PAGE.usual } = checkInput(call, input, LIST_OPTIONS);
    checkCount('limit', limit, 1, PAGE.most);
    return this.scheduler.getTaskInfos({ ...input, limit });
  }

  async #find(call: string, input: TaskReadInput): Promise<AnyTaskInfo> {
    const { id, store } = checkInput(call, input, ['id', 'store']);
    const task = await this.scheduler.getTaskInfo(id, given('store', store));
    if (!task) throw new TaskNotFoundError(id);
    return task;
  }
}

const LIST_OPTIONS = [...FILTER_OPTIONS, 'sortBy', 'descending', 'offset', 'limit'];

/** @param maxLength How long its arguments may be; longer ones are omitted. */
function definitionOf(task: TaskInfo, maxLength: number): TaskDefinitionInput {
  const { args: _args, data: _data, ...spec } = specOf(task);
  const { args, data } = serializeTask(task, maxLength);
  return { ...spec, ...(data === null ? { args } : { data }) } as TaskDefinitionInput;
}
