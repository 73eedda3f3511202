import { isUnreadable } from '../../model/task.js';
import type { StoredTask } from '../../model/task.js';
import { taskIdOfRun } from '../../model/run.js';
import { checkCall } from './call.options.js';
import { TARGET_OPTIONS } from './control.options.js';
import type { TaskTarget } from './control.options.js';
import { taskIdOf, toLiveRunInfo, toRunInfo } from './run.info.js';
import type { AnyRunInfo } from './run.info.js';
import type { StoreHandle } from './store.handle.js';
import type { StoreRegistry } from './store.registry.js';

/** How many attempts of a run are looked through for the latest one. */
const ATTEMPTS = 100;

/** A run as it stands, wherever it is; null when there is none, or its record was not kept. */
export async function lookupRun(
  stores: StoreRegistry,
  runId: string,
  target: TaskTarget = {},
): Promise<AnyRunInfo | null> {
  checkCall('getRun', target, TARGET_OPTIONS);
  if (typeof runId === 'string' && runId !== '' && taskIdOfRun(runId) === null) return null;
  const taskId = taskIdOf(runId);
  for (const handle of stores.select(target.store)) {
    const run = liveIn(await writtenTask(handle, taskId), runId) ?? (await endedIn(handle, runId));
    if (run) return run;
  }
  return null;
}

/** A run that just started here may not be written into its task yet: see `TaskInfo.live`. */
export async function writtenTask(handle: StoreHandle, taskId: string): Promise<StoredTask | null> {
  const task = await handle.lookup(taskId);
  if (!task || isUnreadable(task) || task.state.lease === null || !handle.loop) return task;
  await handle.loop.writeClaim(taskId);
  return handle.lookup(taskId);
}

function liveIn(task: StoredTask | null, runId: string): AnyRunInfo | null {
  if (!task || isUnreadable(task)) return null;
  const run = task.state.live.find(({ id }) => id === runId);
  return run ? toLiveRunInfo(run, task) : null;
}

async function endedIn(handle: StoreHandle, runId: string): Promise<AnyRunInfo | null> {
  const { runs } = await handle.activeStore.runs({ runId }, { limit: ATTEMPTS });
  const [first, ...others] = runs;
  return first ? toRunInfo(others.reduce((last, run) => (run.token > last.token ? run : last), first)) : null;
}
