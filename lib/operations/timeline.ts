import type { TaskFilterInput } from '../client/operation.inputs.js';
import type { Timeline } from '../client/operation.results.js';
import { MACHINE } from '../model/clock.js';
import { messageOf } from '../errors/thrown.js';
import type { TaskInfo } from '../scheduler/tasks/task.info.js';
import type { TaskPreview } from '../scheduler/tasks/preview.info.js';
import type { AnyScheduler } from './operations.base.js';

/** How many tasks are looked at: those with the earliest next run. */
const MOST_TASKS = 1_000;

/** How many faults are named. */
const MOST_FAULTS = 100;

type Fault = Timeline['failed'][number];

/** The next runs of the tasks that meet a filter, the earliest first. One whose trigger throws is in no other one's way. */
export async function buildTimeline(
  scheduler: AnyScheduler,
  filter: TaskFilterInput,
  perTask: number,
  limit: number,
): Promise<Timeline> {
  const { tasks, total } = await scheduler.getTaskInfos({ ...filter, sortBy: 'nextRunTime', limit: MOST_TASKS });
  const failed: Fault[] = [];
  let runs: { readonly task: TaskInfo; readonly at: TaskPreview['runs'][number] }[] = [];
  let looked = 0;
  let generatedAt: Date | undefined;
  for (const task of tasks) {
    // They come by their next run: once there are enough runs, none of a later task is among the first.
    const last = runs.length < limit ? undefined : runs.at(-1)!.at.runTime;
    if (task.nextRunTime === null || (last !== undefined && task.nextRunTime >= last)) break;
    looked += 1;
    if ('unreadable' in task) continue;
    try {
      const preview: TaskPreview | null = await scheduler.previewTaskRuns(task.id, {
        store: task.store,
        count: perTask,
      });
      generatedAt ??= preview?.generatedAt;
      runs.push(...(preview?.runs ?? []).map((at) => ({ task, at })));
      runs = runs.sort((a, b) => a.at.runTime.getTime() - b.at.runTime.getTime()).slice(0, limit);
    } catch (error) {
      if (failed.length < MOST_FAULTS) failed.push({ taskId: task.id, store: task.store, message: messageOf(error) });
    }
  }
  return {
    generatedAt: (generatedAt ?? new Date(MACHINE.now())).toISOString(),
    timezone: scheduler.timezone,
    tasks: looked,
    total,
    runs: runs.map(({ task, at }) => ({
      runTime: at.runTime.toISOString(),
      scheduledTime: at.scheduledTime.toISOString(),
      taskId: task.id,
      name: task.name,
      handler: task.handler,
      store: task.store,
    })),
    failed,
  };
}
