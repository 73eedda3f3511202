import { InvalidOptionError, rejectUnknownOptions } from '../../errors/input.errors.js';
import { formatDuration } from '../../model/duration.js';
import type { Duration } from '../../model/duration.js';
import { namesOf } from '../../model/names.js';
import { toMilliseconds } from '../../time/inputs.js';
import type { StoreHandle } from '../../scheduler/tasks/store.handle.js';
import type { StoreRegistry } from '../../scheduler/tasks/store.registry.js';
import type { StoreProbes } from './store.probes.js';

/**
 * What was looked at, and how it is. `failing` is an incident; `warning` is what somebody should look at.
 *
 * @publicApi
 */
export interface HealthCheck {
  /**
   * `scheduler`: it runs, and nobody drains it. `store`: it answers. `loop`: its passes go on. `lateness`: what is due is started
   * in time. `handlers`: none still runs although its run is over.
   */
  readonly check: 'scheduler' | 'store' | 'loop' | 'lateness' | 'handlers';
  /** The alias of the store; null where the check is of none. */
  readonly store: string | null;
  readonly status: 'ok' | 'warning' | 'failing';
  /** What was found, and what to do about it. */
  readonly message: string;
}

/**
 * How a scheduler is, for probes and for people.
 *
 * @publicApi
 */
export interface SchedulerHealth {
  /** The worst of the checks. */
  readonly status: HealthCheck['status'];
  /** Whether the process does its work. Only if a loop has stopped passing it is false, which nothing but a restart mends. */
  readonly live: boolean;
  /**
   * Whether the process should get work: false before it has started, while it is drained or stopped, and while a store is away.
   * That tasks are late is no reason: all nodes would be taken away at once.
   */
  readonly ready: boolean;
  readonly checks: readonly HealthCheck[];
}

/**
 * Options of `Scheduler.health`.
 *
 * @publicApi
 */
export interface HealthOptions {
  /**
   * For how long a task may be due before that is `failing`.
   *
   * @default '5m'
   */
  readonly maxLateness?: Duration;
}

const OPTIONS = namesOf<keyof HealthOptions>({ maxLateness: 0 });

interface HealthServices {
  /** That of the scheduler. */
  readonly state: 'stopped' | 'starting' | 'running' | 'paused' | 'stopping';
  /** Whether somebody drains it. */
  readonly isDraining: boolean;
  readonly stores: StoreRegistry;
  readonly probes: StoreProbes;
}

/**
 * Looks at a scheduler. Takes two seconds at the most, and asks each store at most every five seconds.
 *
 * @throws UnknownOptionError, InvalidOptionError
 */
export async function reportHealth(services: HealthServices, options: HealthOptions = {}): Promise<SchedulerHealth> {
  if (typeof options !== 'object' || options === null) throw new InvalidOptionError('health', options, 'an object');
  rejectUnknownOptions('health', options, OPTIONS);
  const maxLateMs = toMilliseconds(options.maxLateness ?? '5m', 'maxLateness', { min: 0 });
  const { state, stores, probes } = services;
  const isUp = state === 'running' || state === 'paused';
  const ofStores = isUp ? await Promise.all(stores.all().map((handle) => storeChecks(handle, probes, maxLateMs))) : [];
  const checks = [schedulerCheck(services), ...ofStores.flat()];
  const isFailing = (name: HealthCheck['check']) =>
    checks.some(({ check, status }) => check === name && status === 'failing');
  const statuses = new Set(checks.map(({ status }) => status));
  return {
    status: statuses.has('failing') ? 'failing' : statuses.has('warning') ? 'warning' : 'ok',
    live: !isFailing('loop'),
    ready: isUp && !services.isDraining && !isFailing('store'),
    checks,
  };
}

function schedulerCheck({ state, isDraining }: HealthServices): HealthCheck {
  const of = (status: HealthCheck['status'], message: string): HealthCheck => ({
    check: 'scheduler',
    store: null,
    status,
    message,
  });
  if (state === 'starting') return of('failing', 'It starts. Wait for it; what holds a start up is in the log.');
  if (state === 'stopping') return of('failing', 'It stops, and claims nothing more. Send work to other nodes.');
  if (state === 'stopped') return of('failing', 'It does not run. Call start(), or look in the log why it could not.');
  if (isDraining) return of('warning', 'It is drained, and claims nothing more. Stop the process, or end the drain.');
  if (state === 'paused') return of('warning', 'It is paused, and claims nothing. Call resume() to have it go on.');
  return of('ok', 'It runs.');
}

async function storeChecks(
  handle: StoreHandle,
  probes: StoreProbes,
  maxLateMs: number,
): Promise<readonly HealthCheck[]> {
  const { alias: store, loop, place } = handle;
  const checks: HealthCheck[] = [];
  const add = (check: HealthCheck['check'], status: HealthCheck['status'], message: string) =>
    checks.push({ check, store, status, message });
  const answer = await probes.ask(handle);
  const health = loop?.health();
  if (answer.state === 'silent') {
    add('store', 'failing', `${place} has not answered within 2 s. Look at the server, its load and the network.`);
  } else if (answer.state === 'down') {
    add('store', 'failing', `${place} refuses or cannot be reached: ${answer.message} Look at the server.`);
  } else if (health?.state === 'failing') {
    add('store', 'warning', `${place} answers, and failed a moment ago: ${health.lastError} Look at its log.`);
  } else add('store', 'ok', `${place} answers.`);
  if (answer.state === 'up') {
    const late = formatDuration(Math.round(answer.oldestDueMs));
    if (answer.oldestDueMs <= maxLateMs) add('lateness', 'ok', 'What is due is started in time.');
    else {
      add(
        'lateness',
        'failing',
        `${answer.due} tasks are due, the oldest for ${late}. Add nodes or room in the executors, or look for a handler that no ` +
          'node has.',
      );
    }
  }
  if (!loop || !health) return checks;
  const overdue = formatDuration(Math.round(health.overdueMs));
  if (health.overdueMs === 0) add('loop', 'ok', 'Its passes go on.');
  // While the store is away, a restart mends nothing.
  else if (answer.state !== 'up') add('loop', 'warning', 'Its pass waits for the store.');
  else add('loop', 'failing', `Its pass should have been over ${overdue} ago. Restart the process.`);
  if (health.abandoned === 0) add('handlers', 'ok', 'No handler runs on after its run.');
  else {
    const names = [...new Set(loop.execution.abandoned.list().map(({ handler }) => `"${handler}"`))].slice(0, 5);
    add(
      'handlers',
      'warning',
      `${health.abandoned} handlers still run although their runs are over (${names.join(', ')}). Have them obey their signal.`,
    );
  }
  return checks;
}
