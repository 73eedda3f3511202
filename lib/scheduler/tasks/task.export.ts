import { POLICIES, POLICY_NAMES } from '../../model/task.policies.js';
import type { TaskPolicies, TaskPolicyOptions } from '../../model/task.policies.js';
import type { RatePolicy } from '../../model/rate.js';
import type { RetryPolicy } from '../../model/retry.js';
import type { TaskInfo } from './task.info.js';
import type { TaskSpec } from './task.options.js';

/** A task as `addTask` takes it again: without its state, its schedule begins anew. */
export function specOf(task: TaskInfo): TaskSpec {
  const { id, name, handler, args, data, schemaVersion, trigger, store, executor, tags, policies, paused } = task;
  return {
    id,
    name,
    handler,
    ...(data === null ? { args } : { data }),
    ...(schemaVersion !== null && { schemaVersion }),
    trigger: trigger as unknown as TaskSpec['trigger'],
    store,
    executor,
    tags,
    ...policyOptionsOf(policies),
    ...(paused && { paused }),
  };
}

/** The options that lead to these policies. All of them: another scheduler may have other defaults. */
function policyOptionsOf(policies: TaskPolicies): TaskPolicyOptions {
  const options = POLICY_NAMES.map((name) => {
    const { option, kind } = POLICIES[name];
    const value: unknown = policies[name];
    if (value === null) return [option, null];
    if (kind.is === 'retry') return [option, retryOptions(value as RetryPolicy)];
    return [option, kind.is === 'rate' ? rateOptions(value as RatePolicy) : value];
  });
  return Object.fromEntries(options) as TaskPolicyOptions;
}

function retryOptions({ attempts, backoff, delayMs, maxDelayMs }: RetryPolicy): TaskPolicyOptions['retry'] {
  return { attempts, backoff, delay: delayMs, maxDelay: maxDelayMs };
}

function rateOptions({ max, perMs, of }: RatePolicy): TaskPolicyOptions['rateLimit'] {
  return { max, per: perMs, ...(of !== null && { of }) };
}
