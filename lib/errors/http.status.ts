/** The codes of errors that are not a fault of the server's code, by HTTP status. What is in none is a 500. */
const CODES: Readonly<Record<number, readonly string[]>> = {
  400: [
    'ASYNCZ_INVALID_OPTION',
    'ASYNCZ_UNKNOWN_OPTION',
    'ASYNCZ_UNKNOWN_STORE',
    'ASYNCZ_UNKNOWN_STORE_TYPE',
    'ASYNCZ_UNKNOWN_EXECUTOR',
    'ASYNCZ_UNKNOWN_TRIGGER_TYPE',
    'ASYNCZ_UNKNOWN_HANDLER',
    'ASYNCZ_UNKNOWN_CALENDAR',
    'ASYNCZ_UNKNOWN_BACK_OFF',
    'ASYNCZ_CRON_SYNTAX',
    'ASYNCZ_IMPOSSIBLE_TRIGGER',
    'ASYNCZ_SEARCH_LIMIT',
    'ASYNCZ_TRIGGER_EXHAUSTED',
    'ASYNCZ_TASK_LIST',
    'ASYNCZ_UNSERIALIZABLE',
    'ASYNCZ_ARGUMENTS_REFUSED',
  ],
  401: ['ASYNCZ_UNAUTHORIZED'],
  403: ['ASYNCZ_FORBIDDEN'],
  404: ['ASYNCZ_TASK_NOT_FOUND', 'ASYNCZ_RUN_NOT_FOUND', 'ASYNCZ_UNKNOWN_LIVE_SCHEDULER'],
  409: [
    'ASYNCZ_TASK_CONFLICT',
    'ASYNCZ_VERSION_CONFLICT',
    'ASYNCZ_INVALID_TASK_STATE',
    'ASYNCZ_TASK_UNREADABLE',
    'ASYNCZ_RUN_NOT_DEAD',
    'ASYNCZ_RUN_UNREADABLE',
    'ASYNCZ_TASK_REPLACED',
    'ASYNCZ_DUPLICATE_NAME',
    'ASYNCZ_DRAIN_WITHDRAWN',
    'ASYNCZ_READ_ONLY',
    'ASYNCZ_DEPLOY_CONFLICT',
  ],
  413: ['ASYNCZ_PAYLOAD_TOO_LARGE'],
  415: ['ASYNCZ_MEDIA_TYPE'],
  429: ['ASYNCZ_TOO_MANY_ATTEMPTS'],
  503: [
    'ASYNCZ_NOT_RUNNING',
    'ASYNCZ_STORE_UNAVAILABLE',
    'ASYNCZ_FILE_LOCKED',
    'ASYNCZ_DRAIN_UNKNOWN',
    'ASYNCZ_TASKS_PARTLY_ADDED',
    'ASYNCZ_TASKS_PARTLY_CHANGED',
    'ASYNCZ_TOO_MANY_STREAMS',
  ],
  504: ['ASYNCZ_RUN_WAIT_TIMEOUT', 'ASYNCZ_TASK_WAIT_TIMEOUT', 'ASYNCZ_DRAIN_TIMEOUT'],
};

const STATUS_OF = new Map(
  Object.entries(CODES).flatMap(([status, codes]) => codes.map((code) => [code, Number(status)] as const)),
);

/** The HTTP status that an error means; undefined for a fault of the server's own code or configuration. */
export function httpStatusOf(code: string): number | undefined {
  return STATUS_OF.get(code);
}

/** Their messages name servers and paths, which are nobody's business outside. */
const SECRET = new Set([
  'ASYNCZ_STORE_UNAVAILABLE',
  'ASYNCZ_FILE_LOCKED',
  'ASYNCZ_TASKS_PARTLY_ADDED',
  'ASYNCZ_TASKS_PARTLY_CHANGED',
]);

/** Whether the message of an error is for the log of the server alone. */
export function isSecret(code: string): boolean {
  return SECRET.has(code);
}
