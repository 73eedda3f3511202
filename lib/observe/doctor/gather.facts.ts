import { messageOf } from '../../errors/thrown.js';
import type { ExecutorUse, SchedulerInstance } from '../../model/scheduler-instance.js';
import { dueTime, isHeld, isUnreadable } from '../../model/task.js';
import type { StoredTask, TaskRecord } from '../../model/task.js';
import type { Retention } from '../../scheduler/cluster/housekeeper.js';
import { isAlive } from '../../scheduler/cluster/membership.js';
import type { StoreHandle } from '../../scheduler/tasks/store.handle.js';
import { taskPages } from '../../scheduler/tasks/task.pages.js';
import type { Deadline } from '../../time/deadline.js';
import type { TriggerCache } from '../../triggers/trigger.cache.js';
import { measureRunTimes } from '../run.times.js';
import type { RunTimes } from '../run.times.js';
import type { StoreFacts, TaskFacts } from './facts.js';
import { TriggerExaminer } from './trigger.facts.js';

/** How many tasks one question reads. */
const PAGE = 200;

/** For how many tasks that seldom run their own latest runs are asked for. */
const MEASURED_ALONE = 300;

/** How long a worker that prunes may take until it has, in milliseconds: it does so every few minutes. */
const PRUNING_MS = 1_800_000;

/** How many unreadable records are named. */
const NAMED = 10;

/** What is asked of a store, and how much. */
export interface GatherServices {
  readonly identity: string;
  readonly heartbeatMs: number;
  readonly retention: Retention;
  readonly triggers: TriggerCache;
  readonly maxTasks: number;
  readonly maxRuns: number;
  /** When nothing more is asked. */
  readonly soft: Deadline;
  /** When no answer is waited for any more. */
  readonly hard: Deadline;
  /** What the executors of this scheduler have in use now: newer than its heartbeat. */
  readonly executors: () => readonly ExecutorUse[];
  /** Is told what was left out, in a sentence. */
  readonly leftOut: (what: string) => void;
}

/** Gathers what is to know of one store, once, by questions that read. What was found before one fails is kept. Never rejects. */
export async function gatherFacts(handle: StoreHandle, services: GatherServices): Promise<StoreFacts> {
  let facts = nothingOf(handle);
  const keep = (found: Partial<StoreFacts>) => void (facts = { ...facts, ...found });
  try {
    if (await services.hard.holds(gather(handle, services, keep))) return facts;
    return { ...facts, fault: 'it did not answer in time' };
  } catch (error) {
    return { ...facts, fault: messageOf(error) };
  }
}

/** What there is to say of a store that was not asked. */
function nothingOf({ alias, place, store, loop, emptiedAt }: StoreHandle): StoreFacts {
  const health = loop?.health();
  return {
    alias,
    place,
    capabilities: store.capabilities,
    isFailing: health?.state === 'failing',
    lastError: health?.lastError ?? null,
    emptiedAt,
    fault: null,
    now: 0,
    workers: [],
    alive: [],
    tasks: [],
    total: 0,
    unreadable: { count: 0, ids: [] },
    unpruned: null,
    own: [],
    runs: 0,
  };
}

async function gather(
  handle: StoreHandle,
  services: GatherServices,
  keep: (found: Partial<StoreFacts>) => void,
): Promise<void> {
  const { store, alias } = handle;
  const { identity, heartbeatMs, executors, soft, maxRuns, leftOut } = services;
  keep({ own: (await store.inspect?.()) ?? [] });
  const now = await store.now();
  const alive = (await store.schedulers())
    .filter((one) => one.identity === identity || isAlive(one, now, heartbeatMs))
    .map((one) => (one.identity === identity ? { ...one, executors: executors() } : one));
  const workers = alive.filter(({ role }) => role === 'worker');
  const unpruned = await findUnpruned(handle, workers, now, services.retention);
  const { tasks, total, unreadable } = await readTasks(handle, services);
  const { times, runs, unmeasured } = await measureRunTimes(handle, tasks, {
    runs: maxRuns,
    tasks: MEASURED_ALONE,
    deadline: soft,
  });
  if (unmeasured > 0) leftOut(`The run times of ${unmeasured} tasks of the store "${alias}" were not measured.`);
  const examined = await examine(handle, tasks, times, now, services);
  keep({ now, alive, workers, unpruned, total, unreadable, runs, tasks: examined });
}

/** The tasks that are due first, since a backlog is not to be missed, and then those that come first by their ids. */
async function readTasks(handle: StoreHandle, { maxTasks, soft, leftOut }: GatherServices) {
  const limit = Math.min(PAGE, maxTasks);
  const page = { offset: 0, limit };
  const due = await handle.store.query({ state: 'scheduled' }, { by: 'nextRunTime', descending: false }, page);
  const found = new Map<string, StoredTask>(due.tasks.map((task) => [task.id, task]));
  const byId = { by: 'id', descending: false } as const;
  const { total } = await handle.store.query({}, byId, { offset: 0, limit: 0 });
  for await (const tasks of taskPages(handle, {}, limit)) {
    for (const task of tasks) if (found.size < maxTasks) found.set(task.id, task);
    if (found.size >= maxTasks || soft.isOver) break;
  }
  if (found.size < total) leftOut(`Of the ${total} tasks of the store "${handle.alias}" ${found.size} were looked at.`);
  const broken = await handle.store.query({ state: 'unreadable' }, byId, { offset: 0, limit: NAMED });
  return {
    tasks: [...found.values()].filter((task): task is TaskRecord => !isUnreadable(task)),
    total,
    unreadable: { count: broken.total, ids: broken.tasks.map(({ id }) => id) },
  };
}

/** When a run ended that should be gone, if there is one and a worker was there all the time that it takes to remove it. */
async function findUnpruned(
  { store }: StoreHandle,
  workers: readonly SchedulerInstance[],
  now: number,
  { ageMs }: Retention,
): Promise<number | null> {
  if (ageMs === null || !workers.some(({ startedAt }) => now - startedAt > PRUNING_MS)) return null;
  // Those that failed may be kept for longer.
  const { runs } = await store.runs({ status: 'succeeded', to: now - ageMs - PRUNING_MS }, { limit: 1 });
  return runs[0]?.endedAt ?? null;
}

async function examine(
  { alias }: StoreHandle,
  tasks: readonly TaskRecord[],
  times: ReadonlyMap<string, RunTimes>,
  now: number,
  { triggers, soft, leftOut }: GatherServices,
): Promise<readonly TaskFacts[]> {
  const examiner = new TriggerExaminer(triggers, now);
  let unexamined = 0;
  const facts: TaskFacts[] = [];
  for (const task of tasks) {
    const { id, definition, state } = task;
    if (soft.isOver) unexamined += 1;
    facts.push({
      task,
      trigger: soft.isOver ? null : await examiner.examine(definition.trigger, id),
      times: times.get(id) ?? null,
      dueAt: dueTime(definition, state),
      isHeld: isHeld(definition, state),
    });
  }
  if (unexamined > 0) leftOut(`The schedules of ${unexamined} tasks of the store "${alias}" were not examined.`);
  return facts;
}
