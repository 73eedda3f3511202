import { listOf } from '../../errors/asyncz.error.js';
import { InvalidOptionError, rejectUnknownOptions } from '../../errors/input.errors.js';
import { checkFlag } from '../../errors/option.checks.js';
import { namesOf } from '../../model/names.js';
import type { Duration } from '../../model/duration.js';
import { SHORTEST_EXPECT_MS } from '../../model/expect.js';
import type { ExpectOptions, ExpectPolicy } from '../../model/expect.js';
import type { ChoiceKind, CountKind, PolicyKind } from '../../model/policy.kinds.js';
import { RATE_SCOPES, SHORTEST_RATE_MS } from '../../model/rate.js';
import type { RateLimitOptions, RatePolicy, RateScope } from '../../model/rate.js';
import { DEFAULT_RETRY } from '../../model/retry.js';
import type { RetryOptions, RetryPolicy } from '../../model/retry.js';
import { POLICIES, POLICY_NAMES } from '../../model/task.policies.js';
import type { TaskPolicies, TaskPolicyOptions } from '../../model/task.policies.js';
import { toMilliseconds } from '../../time/inputs.js';

const EXPECT_OPTIONS = namesOf<keyof ExpectOptions>({ startWithin: 0, endWithin: 0, everyAtLeast: 0 });
const RATE_OPTIONS = namesOf<keyof RateLimitOptions>({ max: 0, per: 0, of: 0 });
const RETRY_OPTIONS = namesOf<keyof RetryOptions>({ attempts: 0, backoff: 0, delay: 0, maxDelay: 0 });

/** A value that somebody gave for an option. */
interface Given {
  readonly option: string;
  readonly value: unknown;
  readonly nullable?: boolean;
}

/**
 * Checks how a task is to be run and fills in what is left out.
 *
 * @param base What holds for what is left out: the answer itself, where all is.
 * @param backoffs The names of the registered back-off functions.
 * @throws InvalidOptionError, UnknownOptionError
 */
export function resolvePolicies(
  options: TaskPolicyOptions,
  base: TaskPolicies,
  backoffs: readonly string[],
): TaskPolicies {
  let resolved: Record<string, unknown> | null = null;
  for (const name of POLICY_NAMES) {
    const { option, kind, nullable } = POLICIES[name];
    const value: unknown = options[option];
    if (value === undefined) continue;
    resolved ??= { ...base };
    resolved[name] = value === null && nullable ? null : read({ option, value, nullable }, kind, backoffs);
  }
  // A kind reads what the type of its policy holds: the compiler compares the two in the table.
  return (resolved ?? base) as unknown as TaskPolicies;
}

function read(given: Given, kind: PolicyKind, backoffs: readonly string[]): unknown {
  switch (kind.is) {
    case 'choice':
      return choice(given, kind);
    case 'text':
      return text(given, kind.maxLength);
    case 'count':
      return count(given, kind);
    case 'flag':
      return checkFlag(given.option, given.value);
    case 'integer':
      return integer(given);
    case 'duration':
      return toMilliseconds(given.value as Duration, given.option, { min: kind.min });
    case 'retry':
      return retry(given, backoffs);
    case 'rate':
      return rate(given);
    case 'expect':
      return expected(given);
  }
}

function choice(given: Given, { of, flags }: ChoiceKind): string {
  const { value } = given;
  if (flags !== undefined && typeof value === 'boolean') return value ? flags.true : flags.false;
  if (of.includes(value as string)) return value as string;
  throw refusal(given, flags === undefined ? listOf(of) : `true, false, ${listOf(of)}`);
}

function text(given: Given, maxLength: number): string {
  const { value } = given;
  const isText = typeof value === 'string' && value.trim() !== '' && value.length <= maxLength;
  // Databases keep UTF-8, which has no lone half of a surrogate pair.
  if (isText && !/\0|\p{Surrogate}/u.test(value)) return value;
  throw refusal(given, `a text of 1 to ${maxLength} characters`);
}

function count(given: Given, { max = Number.MAX_SAFE_INTEGER }: Pick<CountKind, 'max'> = {}): number {
  const { value } = given;
  if (Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= max) return value as number;
  throw refusal(given, `a whole number from 1${max < Number.MAX_SAFE_INTEGER ? ` to ${max}` : ''}`);
}

function integer(given: Given): number {
  const { value } = given;
  if (Number.isInteger(value) && Math.abs(value as number) <= 2_147_483_647) return value as number;
  throw refusal(given, 'a whole number of 32 bits');
}

function retry(given: Given, backoffs: readonly string[]): RetryPolicy {
  const { value } = given;
  const options = typeof value === 'number' ? { attempts: value } : (value as RetryOptions);
  if (typeof options !== 'object' || options === null) {
    throw refusal(given, 'a number of attempts, an object with "attempts"');
  }
  rejectUnknownOptions('retry', options, RETRY_OPTIONS);
  const { attempts, backoff, delay, maxDelay } = { ...DEFAULT_RETRY, ...options };
  return {
    attempts: count({ option: 'retry.attempts', value: attempts }),
    backoff: choice({ option: 'retry.backoff', value: backoff }, { is: 'choice', of: backoffs }),
    delayMs: toMilliseconds(delay, 'retry.delay', { min: 0 }),
    maxDelayMs: toMilliseconds(maxDelay, 'retry.maxDelay', { min: 0 }),
  };
}

function rate(given: Given): RatePolicy {
  const options = given.value as RateLimitOptions;
  if (typeof options !== 'object' || options === null) throw refusal(given, 'an object with "max" and "per"');
  rejectUnknownOptions('rateLimit', options, RATE_OPTIONS);
  const { max, per, of } = options;
  return {
    max: count({ option: 'rateLimit.max', value: max }),
    perMs: toMilliseconds(per, 'rateLimit.per', { min: SHORTEST_RATE_MS }),
    of:
      of === undefined
        ? null
        : (choice({ option: 'rateLimit.of', value: of }, { is: 'choice', of: RATE_SCOPES }) as RateScope),
  };
}

function expected(given: Given): ExpectPolicy {
  const options = given.value as ExpectOptions;
  if (typeof options !== 'object' || options === null) {
    throw refusal(given, 'an object with "startWithin", "endWithin" or "everyAtLeast"');
  }
  rejectUnknownOptions('expect', options, EXPECT_OPTIONS);
  const read = (name: keyof ExpectOptions) => {
    const value = options[name] ?? null;
    return value === null ? null : toMilliseconds(value, `expect.${name}`, { min: SHORTEST_EXPECT_MS });
  };
  const policy = {
    startWithinMs: read('startWithin'),
    endWithinMs: read('endWithin'),
    everyAtLeastMs: read('everyAtLeast'),
  };
  if (Object.values(policy).every((value) => value === null)) {
    throw refusal(given, 'one of "startWithin", "endWithin" and "everyAtLeast" at least');
  }
  return policy;
}

function refusal({ option, value, nullable = false }: Given, allowed: string): InvalidOptionError {
  return new InvalidOptionError(option, value, nullable ? `${allowed}, or null` : allowed);
}
