import { hash } from 'node:crypto';
import type { TaskDefinition } from './definition.js';
import type { TaskPolicies } from './task.policies.js';

/** What a run needs to start beside a place in an executor. */
export interface LimitNeed {
  /** What gives it: one name for all runs that share the limit. */
  readonly name: string;
  /** The largest rank that is of use: how many may have been given before, with it. */
  readonly most: number;
}

const NO_NEEDS: readonly LimitNeed[] = [];

/** A name that stands in ids and columns as it is. Any other one is replaced by its digest. */
const PLAIN_NAME = /^[\x20-\x7e]{1,200}$/;

/** Whether runs of a task need more to start than a place in an executor. */
export function isLimited({ group, rateLimit }: TaskPolicies): boolean {
  return group !== null || rateLimit !== null;
}

/** All that a run of a task needs beside a place in an executor. */
export function needsOf(definition: TaskDefinition): readonly LimitNeed[] {
  const { group, groupLimit } = definition.policies;
  if (!isLimited(definition.policies)) return NO_NEEDS;
  const needs: LimitNeed[] = [];
  if (group !== null) needs.push({ name: groupNeed(group), most: groupLimit });
  const rate = rateNeedOf(definition);
  if (rate !== null) needs.push({ name: rate, most: Infinity });
  return needs;
}

/** The name of what limits how many runs of a group are under way. */
export function groupNeed(group: string): string {
  return `group:${group}`;
}

/**
 * The account in which the starts of a task are counted, for all tasks that share its rate limit; null where it has none. Short
 * enough for the id of a record.
 */
export function rateAccountOf({ handler, policies: { group, rateLimit } }: TaskDefinition): string | null {
  if (rateLimit === null) return null;
  const isOfGroup = group !== null && rateLimit.of !== 'handler';
  return isOfGroup ? `group:${group}` : `handler:${PLAIN_NAME.test(handler) ? handler : digest(handler)}`;
}

/** The account of a task with the limit that the task has: tasks of one account that have another limit each follow their own. */
export function rateNeedOf(definition: TaskDefinition): string | null {
  const account = rateAccountOf(definition);
  return account === null ? null : `rate:${account} ${limitText(definition.policies)}`;
}

/**
 * The value of the due key `group`: the group of a task, and with a rate limit a text for each group, account and limit. So a
 * claim leaves out what waits for permits, and not what is of the same group and has no limit, or another one.
 */
export function groupLaneOf(definition: TaskDefinition): string | null {
  const { group, rateLimit } = definition.policies;
  if (rateLimit === null) return group;
  const print = digest(rateNeedOf(definition)!);
  const name = group ?? definition.handler;
  return group !== null || PLAIN_NAME.test(name) ? `${name} ~${print}` : `~${print}`;
}

function limitText({ rateLimit }: TaskPolicies): string {
  return `${rateLimit!.max}/${rateLimit!.perMs}`;
}

/** Digests of texts: a busy handler has one of a few, and each write and each reading of its tasks asks for it. */
const known = new Map<string, string>();
const MOST_KNOWN = 1_000;

function digest(text: string): string {
  let print = known.get(text);
  if (print === undefined) {
    if (known.size >= MOST_KNOWN) known.clear();
    print = hash('sha256', text, 'base64url').slice(0, 12);
    known.set(text, print);
  }
  return print;
}
