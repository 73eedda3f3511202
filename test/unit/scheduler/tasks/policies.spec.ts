import { describe, expect, it } from 'vitest';
import { InvalidOptionError } from 'nestjs-asyncz';
import type { TaskPolicyOptions } from 'nestjs-asyncz';
import { DEFAULT_POLICIES, POLICY_NAMES, POLICY_OPTIONS } from '../../../../lib/model/task.policies.js';
import type { TaskPolicies } from '../../../../lib/model/task.policies.js';
import { isPolicies } from '../../../../lib/persistence/policy.schema.js';
import { resolvePolicies } from '../../../../lib/scheduler/tasks/policy.reader.js';

const BACKOFFS = ['fixed', 'exponential'];

function resolve(options: object, base: TaskPolicies = DEFAULT_POLICIES): TaskPolicies {
  return resolvePolicies(options as TaskPolicyOptions, base, BACKOFFS);
}

/** A value of each policy that is not its default, as users write it and as it is stored. */
const WRITTEN: readonly [keyof TaskPolicyOptions, unknown, keyof TaskPolicies, unknown][] = [
  ['coalesce', 'earliest', 'coalesce', 'earliest'],
  ['coalesce', false, 'coalesce', 'all'],
  ['maxCatchUp', 7, 'maxCatchUp', 7],
  ['misfireGraceTime', '90s', 'misfireGraceMs', 90_000],
  ['misfireGraceTime', 0, 'misfireGraceMs', 0],
  ['maxInstances', 2, 'maxInstances', 2],
  ['overlap', 'queueAll', 'overlap', 'queueAll'],
  ['maxQueued', 3, 'maxQueued', 3],
  ['delivery', 'at-most-once', 'delivery', 'at-most-once'],
  ['maxLost', 5, 'maxLost', 5],
  ['priority', -4, 'priority', -4],
  ['group', 'mail', 'group', 'mail'],
  ['groupLimit', 5, 'groupLimit', 5],
  ['rateLimit', { max: 100, per: '1m' }, 'rateLimit', { max: 100, perMs: 60_000, of: null }],
  ['rateLimit', { max: 1, per: 1_000, of: 'handler' }, 'rateLimit', { max: 1, perMs: 1_000, of: 'handler' }],
  ['limitKey', 'data.tenantId', 'limitKey', 'data.tenantId'],
  ['keyLimit', 2, 'keyLimit', 2],
  ['retry', 3, 'retry', { attempts: 3, backoff: 'exponential', delayMs: 1_000, maxDelayMs: 3_600_000 }],
  [
    'retry',
    { attempts: 2, backoff: 'fixed', delay: '5s', maxDelay: 6_000 },
    'retry',
    { attempts: 2, backoff: 'fixed', delayMs: 5_000, maxDelayMs: 6_000 },
  ],
  ['timeout', '1m', 'timeoutMs', 60_000],
  ['pauseAfterFailures', 4, 'pauseAfterFailures', 4],
  ['history', 'failures', 'history', 'failures'],
  ['keepResult', false, 'keepResult', false],
  [
    'expect',
    { startWithin: '1m', everyAtLeast: '1d' },
    'expect',
    { startWithinMs: 60_000, endWithinMs: null, everyAtLeastMs: 86_400_000 },
  ],
];

const REFUSED: readonly [keyof TaskPolicyOptions, unknown, string][] = [
  ['coalesce', 'first', 'Invalid coalesce: "first". Allowed: true, false, "latest", "earliest" or "all".'],
  ['maxCatchUp', 0, 'Invalid maxCatchUp: 0. Allowed: a whole number from 1 to 1000.'],
  ['misfireGraceTime', -1, 'Invalid misfireGraceTime: -1. Allowed: a duration that is not negative'],
  ['maxInstances', null, 'Invalid maxInstances: null. Allowed: a whole number from 1.'],
  ['overlap', true, 'Invalid overlap: true. Allowed: "skip", "queueOne", "queueAll", "cancelRunning" or "allow".'],
  ['maxQueued', 1.5, 'Invalid maxQueued: 1.5. Allowed: a whole number from 1 to 1000.'],
  ['delivery', 'once', 'Invalid delivery: "once". Allowed: "at-least-once" or "at-most-once".'],
  ['maxLost', 0, 'Invalid maxLost: 0. Allowed: a whole number from 1.'],
  ['maxLost', null, 'Invalid maxLost: null. Allowed: a whole number from 1.'],
  ['priority', 2 ** 31, 'Invalid priority: 2147483648. Allowed: a whole number of 32 bits.'],
  ['group', ' ', 'Invalid group: " ". Allowed: a text of 1 to 200 characters, or null.'],
  ['group', 'g'.repeat(201), 'a text of 1 to 200 characters, or null.'],
  ['group', 'half a pair \ud800', 'a text of 1 to 200 characters, or null.'],
  ['groupLimit', '1', 'Invalid groupLimit: "1". Allowed: a whole number from 1.'],
  ['rateLimit', 5, 'Invalid rateLimit: 5. Allowed: an object with "max" and "per", or null.'],
  ['rateLimit', { per: '1m' }, 'Invalid rateLimit.max: undefined. Allowed: a whole number from 1.'],
  ['rateLimit', { max: 1, per: '999ms' }, 'Invalid rateLimit.per: "999ms".'],
  ['rateLimit', { max: 1, per: '1m', of: 'all' }, 'Invalid rateLimit.of: "all". Allowed: "handler", "group" or "key".'],
  ['limitKey', 5, 'Invalid limitKey: 5. Allowed: a text of 1 to 200 characters, or null.'],
  ['keyLimit', 0, 'Invalid keyLimit: 0. Allowed: a whole number from 1, or null.'],
  ['retry', 'often', 'Invalid retry: "often". Allowed: a number of attempts, an object with "attempts", or null.'],
  ['retry', { attempts: null }, 'Invalid retry.attempts: null. Allowed: a whole number from 1.'],
  ['retry', { attempts: 2, backoff: 'hope' }, 'Invalid retry.backoff: "hope". Allowed: "fixed" or "exponential".'],
  ['retry', { attempts: 2, delay: 'soon' }, 'Invalid retry.delay: "soon".'],
  ['timeout', 0, 'Invalid timeout: 0. Allowed: a duration of at least 1ms'],
  ['history', 'some', 'Invalid history: "some". Allowed: "all", "failures" or "none".'],
  ['keepResult', 'no', 'Invalid keepResult: "no". Allowed: true or false.'],
  ['expect', 5, 'Invalid expect: 5.'],
  ['expect', { startWithin: '1ms' }, 'Invalid expect.startWithin: "1ms".'],
  ['pauseAfterFailures', 0, 'Invalid pauseAfterFailures: 0. Allowed: a whole number from 1, or null.'],
];

const NULLABLE = new Set<string>([
  'misfireGraceTime',
  'group',
  'rateLimit',
  'limitKey',
  'keyLimit',
  'retry',
  'timeout',
  'pauseAfterFailures',
  'expect',
]);

describe('the policies of a task', () => {
  it.each(WRITTEN)('take %s: %j and keep %s: %j', (option, value, name, stored) => {
    const policies = resolve({ [option]: value });
    expect(policies).toEqual({ ...DEFAULT_POLICIES, [name]: stored });
    expect(isPolicies(policies)).toBeNull();
  });

  it('are all tried here', () => {
    expect(new Set(WRITTEN.map(([option]) => option))).toEqual(new Set(POLICY_OPTIONS));
    expect(new Set(WRITTEN.map(([, , name]) => name))).toEqual(new Set(POLICY_NAMES));
  });

  it.each(REFUSED)('refuse %s: %j', (option, value, message) => {
    expect(() => resolve({ [option]: value })).toThrow(InvalidOptionError);
    expect(() => resolve({ [option]: value })).toThrow(message);
  });

  it.each(POLICY_OPTIONS)('take null for %s where it means something, and refuse it elsewhere', (option) => {
    const filled = resolve(Object.fromEntries(WRITTEN));
    if (NULLABLE.has(option)) expect(Object.values(resolve({ [option]: null }, filled))).toContain(null);
    else expect(() => resolve({ [option]: null })).toThrow(InvalidOptionError);
  });

  it('are those of the base where they are left out', () => {
    const base = resolve({ priority: 3, group: 'mail' });
    expect(resolve({ priority: undefined, group: null }, base)).toEqual({ ...DEFAULT_POLICIES, priority: 3 });
  });

  it('keep what a newer release has stored when an older one changes the task', () => {
    const newer = { ...DEFAULT_POLICIES, added: 'x' };
    expect(resolve({ priority: 1 }, newer)).toEqual({ ...newer, priority: 1 });
  });

  it.each(POLICY_NAMES)('are unreadable where %s is missing or of another kind', (name) => {
    expect(isPolicies(DEFAULT_POLICIES)).toBeNull();
    expect(isPolicies({ ...DEFAULT_POLICIES, [name]: undefined })).toBe(`.${name}`);
    expect(isPolicies({ ...DEFAULT_POLICIES, [name]: [] })).toBe(`.${name}`);
  });
});
