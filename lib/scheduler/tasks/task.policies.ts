import { listOf } from '../../errors/asyncz.error.js';
import { InvalidOptionError, rejectUnknownOptions } from '../../errors/input.errors.js';
import type { Coalesce, Delivery, Overlap, RetryPolicy, TaskPolicies } from '../../model/definition.js';
import { toMilliseconds } from '../../time/inputs.js';
import type { RetryOptions, TaskPolicyOptions } from './task.options.js';

const COALESCE: readonly Coalesce[] = ['latest', 'earliest', 'all'];
const OVERLAP: readonly Overlap[] = ['skip', 'queueOne', 'queueAll', 'cancelRunning', 'allow'];
const DELIVERY: readonly Delivery[] = ['at-least-once', 'at-most-once'];
const DEFAULT_RETRY = { backoff: 'exponential', delay: '1s', maxDelay: '1h' };

/**
 * Checks how a task is to be run and fills in what is left out.
 *
 * @param base What holds for what is left out.
 * @param backoffs The names of the registered back-off functions.
 * @throws InvalidOptionError, UnknownOptionError
 */
export function resolvePolicies(
  options: TaskPolicyOptions,
  base: TaskPolicies,
  backoffs: readonly string[],
): TaskPolicies {
  const pick = <K extends keyof TaskPolicyOptions, T>(
    key: K,
    resolve: (value: Exclude<TaskPolicyOptions[K], undefined>) => T,
    fallback: T,
  ): T => (options[key] === undefined ? fallback : resolve(options[key] as Exclude<TaskPolicyOptions[K], undefined>));
  return {
    coalesce: pick('coalesce', resolveCoalesce, base.coalesce),
    maxCatchUp: pick('maxCatchUp', (value) => count('maxCatchUp', value), base.maxCatchUp),
    misfireGraceMs: pick(
      'misfireGraceTime',
      (value) => nullableDuration('misfireGraceTime', value, 0),
      base.misfireGraceMs,
    ),
    maxInstances: pick('maxInstances', (value) => count('maxInstances', value), base.maxInstances),
    overlap: pick('overlap', (value) => oneOf('overlap', value, OVERLAP), base.overlap),
    maxQueued: pick('maxQueued', (value) => count('maxQueued', value), base.maxQueued),
    delivery: pick('delivery', (value) => oneOf('delivery', value, DELIVERY), base.delivery),
    priority: pick('priority', resolvePriority, base.priority),
    group: pick('group', resolveGroup, base.group),
    groupLimit: pick('groupLimit', (value) => count('groupLimit', value), base.groupLimit),
    retry: pick('retry', (value) => resolveRetry(value, backoffs), base.retry),
    timeoutMs: pick('timeout', (value) => nullableDuration('timeout', value, 1), base.timeoutMs),
    pauseAfterFailures: pick(
      'pauseAfterFailures',
      (value) => (value === null ? null : count('pauseAfterFailures', value)),
      base.pauseAfterFailures,
    ),
  };
}

function resolveCoalesce(value: boolean | Coalesce): Coalesce {
  if (typeof value === 'boolean') return value ? 'latest' : 'all';
  if (!COALESCE.includes(value)) throw new InvalidOptionError('coalesce', value, `true, false, ${listOf(COALESCE)}`);
  return value;
}

function resolvePriority(value: number): number {
  // 32 bits, because that is what an integer column of every database holds.
  if (!Number.isInteger(value) || Math.abs(value) > 2_147_483_647) {
    throw new InvalidOptionError('priority', value, 'a whole number of 32 bits');
  }
  return value;
}

/** Shorter than an id by what is put in front of it for the group's record. */
const MAX_GROUP_LENGTH = 200;

function resolveGroup(value: string | null): string | null {
  const isText = typeof value === 'string' && value.trim() !== '' && value.length <= MAX_GROUP_LENGTH;
  if (value === null || (isText && !/\0|\p{Surrogate}/u.test(value))) return value;
  throw new InvalidOptionError('group', value, `a text of 1 to ${MAX_GROUP_LENGTH} characters, or null`);
}

function resolveRetry(value: number | RetryOptions | null, backoffs: readonly string[]): RetryPolicy | null {
  if (value === null) return null;
  const options = typeof value === 'number' ? { attempts: value } : value;
  if (typeof options !== 'object') {
    throw new InvalidOptionError('retry', value, 'a number of attempts, an object with "attempts", or null');
  }
  rejectUnknownOptions('retry', options, ['attempts', 'backoff', 'delay', 'maxDelay']);
  const { attempts, backoff, delay, maxDelay } = { ...DEFAULT_RETRY, ...options };
  return {
    attempts: count('retry.attempts', attempts),
    backoff: oneOf('retry.backoff', backoff, backoffs),
    delayMs: toMilliseconds(delay, 'retry.delay', { min: 0 }),
    maxDelayMs: toMilliseconds(maxDelay, 'retry.maxDelay', { min: 0 }),
  };
}

function nullableDuration(option: string, value: number | string | null, min: number): number | null {
  return value === null ? null : toMilliseconds(value, option, { min });
}

function count(option: string, value: unknown): number {
  if (!Number.isSafeInteger(value) || (value as number) < 1) {
    throw new InvalidOptionError(option, value, 'a whole number from 1');
  }
  return value as number;
}

function oneOf<T extends string>(option: string, value: T, allowed: readonly T[]): T {
  if (!allowed.includes(value)) throw new InvalidOptionError(option, value, listOf(allowed));
  return value;
}
