import { MAX_COUNT } from '../../model/bounds.js';
import type { LiveRun } from '../../model/run.js';
import type { TaskDefinition } from '../../model/definition.js';
import { mayStart, nextToken, runningCount } from '../../model/task.js';
import type { TaskState } from '../../model/task.js';
import { isLastChance } from './failed.run.js';
import type { Work } from './work.js';

/** Who starts runs, and for how long its leases hold. */
export interface Starter {
  /** The identity of the scheduler. */
  readonly owner: string;
  /** Milliseconds. */
  readonly leaseMs: number;
}

/**
 * Starts a run: gives it a lease and a fencing token, which is the last one of its task from then on. Everything that starts
 * runs comes through here.
 *
 * @throws RangeError When the task can have no larger token. No clock leads there: somebody has written to the store.
 */
export function startRun(
  state: Pick<TaskState, 'lastToken'>,
  run: LiveRun,
  { owner, leaseMs }: Starter,
  now: number,
): LiveRun {
  const token = nextToken(state, now);
  if (token > MAX_COUNT) throw new RangeError(`The fencing token ${state.lastToken} can grow no further.`);
  return { ...run, status: 'running', owner, token, leaseUntil: now + leaseMs, startedAt: now };
}

/** For how long a run on its last chance waits while another one is under way, in milliseconds: it must not be in the way. */
const LAST_CHANCE_PAUSE_MS = 1_000;

/** What holds back a run that waits for its turn, beside the limit of its task. */
export interface StartLimits {
  /** How many handlers of the task still run here although their runs are over: none starts beside them. */
  readonly abandoned: number;
  /** Whether one more run may start here beside the given number of runs of the same task. */
  hasRoom(started: number): boolean;
  /** Whether a run is under way here, or was decided on, whose next loss is its last: see {@link isLastChance}. */
  hasLastChance(): boolean;
}

/** Starts the runs that wait for their turn, the earliest first, within the task's limit. */
export function startWaitingRuns(work: Work, starter: Starter, limits: StartLimits): void {
  const { policies } = work.task.definition;
  const ready = readyRuns(work.task.definition, work.state, work.now);
  if (ready.length === 0) return;
  // A thousand may wait: what becomes of each is noted, and the list written once.
  const changed = new Map<LiveRun, LiveRun>();
  let running = runningCount(work.state) + limits.abandoned;
  let hasLastChance = false;
  for (const run of ready) {
    if (policies.overlap !== 'allow' && running >= policies.maxInstances) break;
    if (!limits.hasRoom(work.start.length)) break;
    if (isLastChance(run, policies) && (hasLastChance || limits.hasLastChance())) {
      changed.set(run, { ...run, availableAt: work.now + LAST_CHANCE_PAUSE_MS });
      continue;
    }
    const started = startRun(work.state, run, starter, work.now);
    work.state.lastToken = started.token;
    work.start.push(started);
    changed.set(run, started);
    running += 1;
    hasLastChance ||= isLastChance(started, policies);
  }
  if (changed.size === 0) return;
  work.state.live = work.state.live.map((run) => changed.get(run) ?? run);
}

/** The runs that may start now, the earliest first. */
export function readyRuns(definition: TaskDefinition, state: TaskState, now: number): LiveRun[] {
  return state.live
    .filter((run) => run.status === 'waiting' && run.availableAt <= now && mayStart(run, definition, state))
    .sort((a, b) => a.availableAt - b.availableAt || a.scheduledTime - b.scheduledTime);
}
