import { AsynczError } from '../errors/asyncz.error.js';
import { UnknownNameError } from '../errors/input.errors.js';

/** How a command ends, for scripts. */
export const EXIT = { ok: 0, failure: 1, usage: 2, notFound: 3, conflict: 4, refused: 5, interrupted: 130 } as const;

/** One of {@link EXIT}. */
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** The command line was given something that it does not take. */
export class UsageError extends AsynczError {
  readonly code = 'ASYNCZ_CLI_USAGE';
}

/** The command does not do what it was asked to do: it was not confirmed, or what it asks for has a finding. */
export class RefusedError extends AsynczError {
  readonly code = 'ASYNCZ_CLI_REFUSED';
}

/** Somebody has pressed Ctrl-C. */
export class InterruptedError extends AsynczError {
  readonly code = 'ASYNCZ_CLI_INTERRUPTED';

  constructor() {
    super('Interrupted; what was asked for already may be done all the same');
  }
}

/** The exit codes of errors of the library; all others are failures. */
const CODES: Readonly<Record<string, ExitCode>> = {
  ASYNCZ_CLI_USAGE: EXIT.usage,
  ASYNCZ_UNKNOWN_OPTION: EXIT.usage,
  ASYNCZ_INVALID_OPTION: EXIT.usage,
  ASYNCZ_CRON_SYNTAX: EXIT.usage,
  ASYNCZ_IMPOSSIBLE_TRIGGER: EXIT.usage,
  ASYNCZ_TRIGGER_EXHAUSTED: EXIT.usage,
  ASYNCZ_ARGUMENTS_REFUSED: EXIT.usage,
  ASYNCZ_TASK_LIST: EXIT.usage,
  ASYNCZ_TASK_NOT_FOUND: EXIT.notFound,
  ASYNCZ_RUN_NOT_FOUND: EXIT.notFound,
  ASYNCZ_TASK_CONFLICT: EXIT.conflict,
  ASYNCZ_VERSION_CONFLICT: EXIT.conflict,
  ASYNCZ_INVALID_TASK_STATE: EXIT.conflict,
  ASYNCZ_RUN_NOT_DEAD: EXIT.conflict,
  ASYNCZ_DEPLOY_CONFLICT: EXIT.conflict,
  ASYNCZ_DEPLOY_PENDING: EXIT.refused,
  ASYNCZ_DRAIN_WITHDRAWN: EXIT.conflict,
  ASYNCZ_CLI_REFUSED: EXIT.refused,
  ASYNCZ_CLI_INTERRUPTED: EXIT.interrupted,
  ASYNCZ_READ_ONLY: EXIT.refused,
  ASYNCZ_STORE_IN_USE: EXIT.refused,
  ASYNCZ_ENCRYPTION_DISABLED: EXIT.refused,
  ASYNCZ_UNAUTHORIZED: EXIT.refused,
  ASYNCZ_FORBIDDEN: EXIT.refused,
  ASYNCZ_TOO_MANY_ATTEMPTS: EXIT.refused,
};

/** How deep the causes of an error are looked at. */
const MAX_CAUSES = 5;

/** The exit code of what was thrown: that of the first of it and its causes that has one. */
export function exitCodeOf(error: unknown): ExitCode {
  let at: unknown = error;
  for (let depth = 0; depth < MAX_CAUSES && at instanceof Error; depth += 1, at = at.cause) {
    const code = codeOf(at);
    if (code !== undefined && Object.hasOwn(CODES, code)) return CODES[code]!;
    if (at instanceof UnknownNameError || code?.startsWith('ASYNCZ_UNKNOWN_'))
      return (at as UnknownNameError).kind === 'live scheduler' || code === 'ASYNCZ_UNKNOWN_LIVE_SCHEDULER'
        ? EXIT.notFound
        : EXIT.usage;
  }
  return EXIT.failure;
}

/** The `code` of an error, where it has one. */
export function codeOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : undefined;
}
