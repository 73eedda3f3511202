import type { ExpectPolicy } from '../model/expect.js';
import type { PolicyKind } from '../model/policy.kinds.js';
import { RATE_SCOPES } from '../model/rate.js';
import type { RatePolicy } from '../model/rate.js';
import type { RetryPolicy } from '../model/retry.js';
import { POLICIES, POLICY_NAMES } from '../model/task.policies.js';
import type { TaskPolicies } from '../model/task.policies.js';
import type { Check, Fields } from './schema.js';
import { isFlag, isInteger, isLength, isPositive, isText, nullable, objectOf, oneOf } from './schema.js';

const isRetry = objectOf<RetryPolicy>({
  attempts: isPositive,
  backoff: isText,
  delayMs: isLength,
  maxDelayMs: isLength,
});

const isRate = objectOf<RatePolicy>({ max: isPositive, perMs: isLength, of: nullable(oneOf(RATE_SCOPES)) });

const isExpect = objectOf<ExpectPolicy>({
  startWithinMs: nullable(isLength),
  endWithinMs: nullable(isLength),
  everyAtLeastMs: nullable(isLength),
});

function checkOf(kind: PolicyKind): Check {
  switch (kind.is) {
    case 'choice':
      return oneOf(kind.of);
    case 'text':
      return isText;
    case 'count': {
      const { max = Infinity } = kind;
      return (value) => isPositive(value) ?? ((value as number) <= max ? null : '');
    }
    case 'flag':
      return isFlag;
    case 'integer':
      return isInteger;
    case 'duration':
      return isLength;
    case 'retry':
      return isRetry;
    case 'rate':
      return isRate;
    case 'expect':
      return isExpect;
  }
}

function policyCheck(name: keyof TaskPolicies): Check {
  const { kind, nullable: mayBeNull } = POLICIES[name];
  return mayBeNull ? nullable(checkOf(kind)) : checkOf(kind);
}

/** The policies of a stored task, by the rows of {@link POLICIES}. */
export const isPolicies: Check = objectOf<TaskPolicies>(
  Object.fromEntries(POLICY_NAMES.map((name) => [name, policyCheck(name)])) as unknown as Fields<TaskPolicies>,
);
