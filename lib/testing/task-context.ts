import { InvalidOptionError, rejectUnknownOptions } from '../errors/input.errors.js';
import { TaskContext } from '../executors/task-context.js';
import type { PreviousRun } from '../executors/task-context.js';
import { TaskLog } from '../executors/task-log.js';
import { MACHINE } from '../model/clock.js';
import type { Clock } from '../model/clock.js';
import { SILENT_LOGGER } from '../model/logger.js';
import type { Logger } from '../model/logger.js';
import { namesOf } from '../model/names.js';
import { scheduledRunId } from '../model/run.js';
import { createTestSteps } from './task.steps.js';

/**
 * What the context of a test differs in from that of the first attempt of a task `task`, which is due now and succeeds.
 *
 * @publicApi
 */
export interface TaskContextFields extends Partial<
  Pick<
    TaskContext,
    | 'store'
    | 'scheduler'
    | 'runId'
    | 'scheduledTime'
    | 'startedAt'
    | 'deadline'
    | 'attempt'
    | 'isLastAttempt'
    | 'token'
    | 'source'
    | 'coalesced'
    | 'signal'
    | 'traceparent'
  >
> {
  readonly task?: Partial<TaskContext['task']>;
  readonly previousRun?: Partial<PreviousRun> | null;
  /** What `previousResult()` resolves with. */
  readonly previousResult?: unknown;
  /** What earlier attempts have stored of steps, by their names: these are not run again. None when left out. */
  readonly steps?: Readonly<Record<string, unknown>>;
  /** What `transaction()` hands to the handler, such as an `EntityManager` of a test database. */
  readonly transaction?: unknown;
  /** Where the lines of `log` go beside `log.lines`; nowhere when left out. */
  readonly logger?: Logger;
  /** Is called with what the handler passes to `progress()`. */
  readonly onProgress?: (value: unknown) => void;
  /** Gives the times that are left out, and those of the lines of `log`. The clock of the machine when left out. */
  readonly clock?: Clock;
}

const FIELDS = namesOf<keyof TaskContextFields>({
  store: 0,
  scheduler: 0,
  runId: 0,
  scheduledTime: 0,
  startedAt: 0,
  deadline: 0,
  attempt: 0,
  isLastAttempt: 0,
  token: 0,
  source: 0,
  coalesced: 0,
  signal: 0,
  traceparent: 0,
  task: 0,
  previousRun: 0,
  previousResult: 0,
  steps: 0,
  transaction: 0,
  logger: 0,
  onProgress: 0,
  clock: 0,
});

/**
 * Makes a context for a unit test that calls a handler itself: `await service.generate('r1', createTaskContext())`. What the
 * handler logs is in `context.log.lines`.
 *
 * @throws UnknownOptionError, InvalidOptionError
 * @publicApi
 */
export function createTaskContext(fields: TaskContextFields = {}): TaskContext {
  checkFields(fields);
  const { clock = MACHINE, logger = SILENT_LOGGER, attempt = 1, previousRun = null } = fields;
  const task = { id: 'task', name: fields.task?.id ?? 'task', handler: 'handler', tags: [], ...fields.task };
  const now = Math.floor(clock.now());
  const scheduledTime = fields.scheduledTime?.getTime() ?? now;
  const { runId = scheduledRunId(task.id, scheduledTime), signal = new AbortController().signal } = fields;
  return new TaskContext({
    task,
    store: fields.store ?? 'default',
    scheduler: fields.scheduler ?? 'test',
    runId,
    scheduledTime,
    startedAt: fields.startedAt?.getTime() ?? Math.max(now, scheduledTime),
    deadline: fields.deadline?.getTime() ?? null,
    attempt,
    isLastAttempt: fields.isLastAttempt ?? true,
    lastRun: previousRun && {
      id: previousRun.runId ?? scheduledRunId(task.id, scheduledTime - 1),
      status: previousRun.status ?? 'succeeded',
      startedAt: (previousRun.startedAt === undefined ? previousRun.endedAt : previousRun.startedAt)?.getTime() ?? null,
      endedAt: previousRun.endedAt?.getTime() ?? scheduledTime,
    },
    previousResult: () => Promise.resolve(fields.previousResult),
    token: fields.token ?? 1,
    source: fields.source ?? 'schedule',
    coalesced: fields.coalesced ?? 0,
    signal,
    log: new TaskLog({ runId, attempt }, logger, clock),
    traceparent: fields.traceparent ?? null,
    progress: fields.onProgress ?? (() => {}),
    steps: createTestSteps({ runId, signal, clock, transaction: fields.transaction }, fields.steps ?? {}),
  });
}

const TASK_FIELDS = namesOf<keyof TaskContext['task']>({ id: 0, name: 0, handler: 0, tags: 0 });
const PREVIOUS_FIELDS = namesOf<keyof PreviousRun>({ runId: 0, status: 0, startedAt: 0, endedAt: 0 });

function checkFields(fields: TaskContextFields): void {
  rejectUnknownOptions('createTaskContext', fields, FIELDS);
  const { task, previousRun, attempt, steps } = fields;
  if (task !== undefined) rejectUnknownOptions('task', task, TASK_FIELDS);
  if (previousRun) rejectUnknownOptions('previousRun', previousRun, PREVIOUS_FIELDS);
  if (attempt !== undefined && !(Number.isSafeInteger(attempt) && attempt >= 1)) {
    throw new InvalidOptionError('attempt', attempt, 'a whole number from 1');
  }
  if (steps !== undefined && (typeof steps !== 'object' || steps === null)) {
    throw new InvalidOptionError('steps', steps, 'an object with results by the names of steps');
  }
  for (const name of ['scheduledTime', 'startedAt', 'deadline'] as const) {
    const value = fields[name];
    const isLeftOut = value === undefined || (name === 'deadline' && value === null);
    if (!isLeftOut && !(value instanceof Date && !Number.isNaN(value.getTime()))) {
      throw new InvalidOptionError(name, value, 'a valid Date');
    }
  }
}
