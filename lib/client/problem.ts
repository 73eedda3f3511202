import {
  ForbiddenError,
  MediaTypeError,
  TooManyAttemptsError,
  TooManyStreamsError,
  UnauthorizedError,
  UnexpectedAnswerError,
} from '../errors/api.errors.js';
import { TaskListError, TasksPartlyAddedError, TasksPartlyChangedError } from '../errors/adding.errors.js';
import type { AsynczError } from '../errors/asyncz.error.js';
import { InvalidOptionError, UnknownNameError, UnknownOptionError } from '../errors/input.errors.js';
import { PayloadTooLargeError, UnserializableError } from '../errors/persistence.errors.js';
import {
  RunNotDeadError,
  RunNotFoundError,
  RunUnreadableError,
  RunWaitTimeoutError,
  TaskReplacedError,
  TaskWaitTimeoutError,
} from '../errors/run.errors.js';
import {
  DrainTimeoutError,
  DrainUnknownError,
  DrainWithdrawnError,
  DuplicateNameError,
  InvalidTaskStateError,
  SchedulerNotRunningError,
} from '../errors/scheduler.errors.js';
import { ArgumentsRefusedError } from '../errors/schema.errors.js';
import { StoreUnavailableError } from '../errors/unavailable.error.js';
import {
  TaskConflictError,
  TaskNotFoundError,
  TaskUnreadableError,
  TriggerExhaustedError,
  VersionConflictError,
} from '../errors/task.errors.js';
import { CronSyntaxError, ImpossibleTriggerError, SearchLimitError } from '../errors/trigger.errors.js';
import { fromJsonValue } from './json.value.js';
import type { JsonValue } from './json.value.js';

/** The media type of a {@link Problem}. */
export const PROBLEM_TYPE = 'application/problem+json';

/** An error as the HTTP API answers it (RFC 9457). @publicApi */
export interface Problem {
  /** A URN of the kind of error. */
  readonly type: string;
  /** The HTTP status in words. */
  readonly title: string;
  readonly status: number;
  /** The message of the error. */
  readonly detail: string;
  /** The code of the error: see `docs/errors.md`. */
  readonly code: string;
  /** What the error says besides, such as `taskId`. */
  readonly members?: { readonly [name: string]: JsonValue };
}

/** The classes of the errors that the API answers with. */
const CLASSES: Readonly<Record<string, { readonly prototype: AsynczError }>> = {
  ASYNCZ_INVALID_OPTION: InvalidOptionError,
  ASYNCZ_UNKNOWN_OPTION: UnknownOptionError,
  ASYNCZ_UNKNOWN_STORE: UnknownNameError,
  ASYNCZ_UNKNOWN_STORE_TYPE: UnknownNameError,
  ASYNCZ_UNKNOWN_EXECUTOR: UnknownNameError,
  ASYNCZ_UNKNOWN_TRIGGER_TYPE: UnknownNameError,
  ASYNCZ_UNKNOWN_HANDLER: UnknownNameError,
  ASYNCZ_UNKNOWN_CALENDAR: UnknownNameError,
  ASYNCZ_UNKNOWN_BACK_OFF: UnknownNameError,
  ASYNCZ_UNKNOWN_LIVE_SCHEDULER: UnknownNameError,
  ASYNCZ_CRON_SYNTAX: CronSyntaxError,
  ASYNCZ_IMPOSSIBLE_TRIGGER: ImpossibleTriggerError,
  ASYNCZ_SEARCH_LIMIT: SearchLimitError,
  ASYNCZ_TRIGGER_EXHAUSTED: TriggerExhaustedError,
  ASYNCZ_TASK_LIST: TaskListError,
  ASYNCZ_UNSERIALIZABLE: UnserializableError,
  ASYNCZ_ARGUMENTS_REFUSED: ArgumentsRefusedError,
  ASYNCZ_UNAUTHORIZED: UnauthorizedError,
  ASYNCZ_FORBIDDEN: ForbiddenError,
  ASYNCZ_TASK_NOT_FOUND: TaskNotFoundError,
  ASYNCZ_RUN_NOT_FOUND: RunNotFoundError,
  ASYNCZ_TASK_CONFLICT: TaskConflictError,
  ASYNCZ_VERSION_CONFLICT: VersionConflictError,
  ASYNCZ_INVALID_TASK_STATE: InvalidTaskStateError,
  ASYNCZ_TASK_UNREADABLE: TaskUnreadableError,
  ASYNCZ_RUN_NOT_DEAD: RunNotDeadError,
  ASYNCZ_RUN_UNREADABLE: RunUnreadableError,
  ASYNCZ_TASK_REPLACED: TaskReplacedError,
  ASYNCZ_DUPLICATE_NAME: DuplicateNameError,
  ASYNCZ_DRAIN_WITHDRAWN: DrainWithdrawnError,
  ASYNCZ_PAYLOAD_TOO_LARGE: PayloadTooLargeError,
  ASYNCZ_MEDIA_TYPE: MediaTypeError,
  ASYNCZ_TOO_MANY_ATTEMPTS: TooManyAttemptsError,
  ASYNCZ_TOO_MANY_STREAMS: TooManyStreamsError,
  ASYNCZ_NOT_RUNNING: SchedulerNotRunningError,
  ASYNCZ_STORE_UNAVAILABLE: StoreUnavailableError,
  ASYNCZ_DRAIN_UNKNOWN: DrainUnknownError,
  ASYNCZ_TASKS_PARTLY_ADDED: TasksPartlyAddedError,
  ASYNCZ_TASKS_PARTLY_CHANGED: TasksPartlyChangedError,
  ASYNCZ_RUN_WAIT_TIMEOUT: RunWaitTimeoutError,
  ASYNCZ_TASK_WAIT_TIMEOUT: TaskWaitTimeoutError,
  ASYNCZ_DRAIN_TIMEOUT: DrainTimeoutError,
};

/** The error that a problem is of, of its own class where it has one. */
export function errorOf({ code, detail, status, members = {} }: Problem): AsynczError {
  const known = Object.hasOwn(CLASSES, code) ? CLASSES[code] : undefined;
  if (!known) return Object.assign(new UnexpectedAnswerError(status, detail), { code });
  // Its constructor makes a message of its own, of what is there and not here.
  const error = Object.setPrototypeOf(new Error(detail), known.prototype) as AsynczError;
  const own = Object.entries(members).filter(
    ([name]) => !['name', 'message', 'stack', 'cause', '__proto__'].includes(name),
  );
  return Object.assign(error, Object.fromEntries(own.map(([name, value]) => [name, read(value)])), {
    name: (known as { readonly name?: string }).name,
    code,
  });
}

/** What a server of another version has written is no reason to hide the error. */
function read(value: JsonValue): unknown {
  try {
    return fromJsonValue(value);
  } catch {
    return value;
  }
}

/** Whether an answer is a problem of this API. */
export function isProblem(value: unknown): value is Problem {
  const { code, detail, status } = (value ?? {}) as Partial<Problem>;
  return typeof code === 'string' && typeof detail === 'string' && typeof status === 'number';
}
