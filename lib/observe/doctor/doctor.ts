import { InvalidOptionError } from '../../errors/input.errors.js';
import type { Clock } from '../../model/clock.js';
import { FINDING_SEVERITIES } from '../../model/finding.js';
import { namesOf } from '../../model/names.js';
import { executorsInUse } from '../../scheduler/cluster/executor.use.js';
import type { Retention } from '../../scheduler/cluster/housekeeper.js';
import type { ExecutorRegistry } from '../../scheduler/loop/executor.registry.js';
import { checkCall, checkCount } from '../../scheduler/tasks/call.options.js';
import type { LifePhase } from '../../scheduler/tasks/life.phase.js';
import type { StoreRegistry } from '../../scheduler/tasks/store.registry.js';
import { Deadline } from '../../time/deadline.js';
import { toMilliseconds } from '../../time/inputs.js';
import type { TriggerCache } from '../../triggers/trigger.cache.js';
import type { Check } from './check.js';
import { clocksDiffer, nobodyHas, noWorkers, tasksWait, versionsDiffer } from './checks/cluster.checks.js';
import { longerThanInterval, longerThanLease, longerTimeout } from './checks/duration.checks.js';
import { changesOfClocks, neverFires, noZone, sameSecond } from './checks/schedule.checks.js';
import { emptied, historyGrows, inClear, ownFindings, unreachable, unreadable } from './checks/store.checks.js';
import type { DiagnoseOptions, Diagnosis, Finding } from './diagnosis.js';
import type { SchedulerFacts } from './facts.js';
import { gatherFacts } from './gather.facts.js';

const DIAGNOSE_OPTIONS = namesOf<keyof DiagnoseOptions>({
  store: 0,
  ignore: 0,
  maxTasks: 0,
  maxRuns: 0,
  timeout: 0,
  maxWait: 0,
  sameSecond: 0,
});

/** What does not need the answers of the store. */
const ALWAYS: readonly Check[] = [unreachable, emptied, ownFindings];

const CHECKS: readonly Check[] = [
  unreadable,
  inClear,
  historyGrows,
  noWorkers,
  clocksDiffer,
  versionsDiffer,
  nobodyHas,
  tasksWait,
  neverFires,
  changesOfClocks,
  sameSecond,
  noZone,
  longerThanInterval,
  longerThanLease,
  longerTimeout,
];

/** How many findings of one code are listed. */
const LISTED = 20;

/** For which part of the time questions are asked; the rest is for their answers. */
const ASKING = 0.8;

const TEN_MINUTES = 600_000;

interface DoctorServices {
  readonly identity: string;
  readonly timezone: string;
  readonly hasTimezone: boolean;
  readonly leaseMs: number;
  readonly heartbeatMs: number;
  readonly retention: Retention;
  readonly clock: Clock;
  readonly phase: LifePhase;
  readonly stores: StoreRegistry;
  readonly executors: ExecutorRegistry;
  readonly triggers: TriggerCache;
  readonly hasKeys: () => boolean;
}

/** Looks for what is wrong with the tasks, the stores and the schedulers that share them, and changes nothing. */
export class Doctor {
  constructor(private readonly services: DoctorServices) {}

  async diagnose(options: DiagnoseOptions = {}): Promise<Diagnosis> {
    checkCall('diagnose', options, DIAGNOSE_OPTIONS);
    const { maxTasks = 5_000, maxRuns = 5_000, timeout = '10s', maxWait = '1m', sameSecond: most = 25 } = options;
    checkCount('maxTasks', maxTasks, 1, 100_000);
    checkCount('maxRuns', maxRuns, 0, 100_000);
    checkCount('sameSecond', most, 1, Number.MAX_SAFE_INTEGER);
    const ignored = readIgnored(options.ignore);
    const timeoutMs = toMilliseconds(timeout, 'timeout', { min: 100, max: TEN_MINUTES });
    const maxWaitMs = toMilliseconds(maxWait, 'maxWait');
    const { clock, phase, stores, executors } = this.services;
    phase.requireStarted('diagnose');
    const handles = stores.select(options.store);
    const begun = clock.monotonic();
    const leftOut: string[] = [];
    const gathered = await Promise.all(
      handles.map((handle) =>
        gatherFacts(handle, {
          ...this.services,
          maxTasks,
          maxRuns,
          soft: new Deadline(clock, timeoutMs * ASKING),
          hard: new Deadline(clock, timeoutMs),
          executors: () => executorsInUse(executors, stores),
          leftOut: (what) => leftOut.push(what),
        }),
      ),
    );
    const scheduler = this.#facts(maxWaitMs, most);
    const found: Finding[] = [];
    for (const facts of gathered) {
      for (const check of facts.fault === null ? [...ALWAYS, ...CHECKS] : ALWAYS) {
        found.push(...check(facts, scheduler).filter(({ code }) => !ignored.has(code)));
        await new Promise(setImmediate);
      }
    }
    return {
      at: new Date(clock.now()),
      tookMs: Math.round(clock.monotonic() - begun),
      counts: countsOf(found),
      findings: listed(found, leftOut),
      stores: gathered.map(({ alias, tasks, total, runs }) => ({
        store: alias,
        tasks: tasks.length,
        ofTasks: total,
        runs,
      })),
      leftOut,
    };
  }

  #facts(maxWaitMs: number, sameSecondAtMost: number): SchedulerFacts {
    const { identity, timezone, hasTimezone, leaseMs, retention, hasKeys } = this.services;
    const { count, ageMs } = retention;
    return {
      identity,
      timezone,
      hasTimezone,
      hostTimezone: new Intl.DateTimeFormat().resolvedOptions().timeZone,
      leaseMs,
      hasKeys: hasKeys(),
      prunes: count !== null || ageMs !== null,
      maxWaitMs,
      sameSecond: sameSecondAtMost,
    };
  }
}

function readIgnored(ignore: readonly string[] = []): ReadonlySet<string> {
  if (!Array.isArray(ignore) || ignore.some((code) => typeof code !== 'string'))
    throw new InvalidOptionError('ignore', ignore, 'a list of codes of findings');
  return new Set(ignore);
}

function countsOf(findings: readonly Finding[]): Diagnosis['counts'] {
  const counts = { error: 0, warning: 0, info: 0 };
  for (const { severity } of findings) counts[severity] += 1;
  return counts;
}

/** The worst first, and of each code the first few. */
function listed(findings: readonly Finding[], leftOut: string[]): readonly Finding[] {
  const seen = new Map<string, number>();
  const few = findings.filter(({ code }) => {
    const number = (seen.get(code) ?? 0) + 1;
    seen.set(code, number);
    return number <= LISTED;
  });
  for (const [code, number] of seen)
    if (number > LISTED) leftOut.push(`Of ${number} findings "${code}" the first ${LISTED} are listed.`);
  const rank = ({ severity }: Finding) => FINDING_SEVERITIES.indexOf(severity);
  return few.sort((a, b) => rank(a) - rank(b));
}
