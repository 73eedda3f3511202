import { listOf } from '../../errors/asyncz.error.js';
import { InvalidOptionError, rejectUnknownOptions } from '../../errors/input.errors.js';
import type { Duration } from '../../model/duration.js';
import { TASK_SORT_KEYS, TASK_STATE_NAMES } from '../../model/query.js';
import { RUN_SOURCES, RUN_STATUSES } from '../../model/run.js';
import { toMilliseconds } from '../../time/inputs.js';

/** @throws InvalidOptionError */
type Check = (option: string, value: unknown) => void;

const text: Check = (option, value) => {
  if (typeof value !== 'string' || value === '')
    throw new InvalidOptionError(option, value, 'a text that is not empty');
};
const flag: Check = (option, value) => {
  if (typeof value !== 'boolean') throw new InvalidOptionError(option, value, 'true or false');
};
const oneOf =
  (values: readonly string[]): Check =>
  (option, value) => {
    if (!values.includes(value as string)) throw new InvalidOptionError(option, value, listOf(values));
  };

/** What the options of calls may be, by their names: one name means the same in every call. Others are checked where they are read. */
const CHECKS: Readonly<Record<string, Check>> = {
  store: text,
  taskId: text,
  runId: text,
  owner: text,
  scheduler: text,
  executor: text,
  trigger: text,
  handler: text,
  tag: text,
  cursor: text,
  q: (option, value) => {
    if (typeof value !== 'string') throw new InvalidOptionError(option, value, 'a text');
  },
  wait: flag,
  dead: flag,
  descending: flag,
  timeout: (option, value) => void toMilliseconds(value as Duration, option, { min: 0 }),
  // Not instanceof: that of a test runner may be of another realm.
  signal: (option, value) => {
    const signal = value as Partial<AbortSignal> | null;
    if (typeof signal?.aborted !== 'boolean' || typeof signal.addEventListener !== 'function')
      throw new InvalidOptionError(option, value, 'the signal of an AbortController');
  },
  state: oneOf(TASK_STATE_NAMES),
  sortBy: oneOf(TASK_SORT_KEYS),
  status: oneOf(RUN_STATUSES),
  source: oneOf(RUN_SOURCES),
};

/**
 * Checks the options of a call of a scheduler, before it does anything.
 *
 * @param call The name of the method, for messages.
 * @param names The options that there are.
 * @throws UnknownOptionError, InvalidOptionError
 */
export function checkCall(call: string, options: object, names: readonly string[]): void {
  rejectUnknownOptions(call, options, names);
  for (const [option, value] of Object.entries(options)) {
    if (value !== undefined && Object.hasOwn(CHECKS, option)) CHECKS[option]!(option, value);
  }
}

/** @throws InvalidOptionError When it is no whole number within these bounds. */
export function checkCount(option: string, value: unknown, min: number, max: number): void {
  if (!Number.isInteger(value) || (value as number) < min || (value as number) > max) {
    throw new InvalidOptionError(option, value, `a whole number from ${min} to ${max}`);
  }
}
