import { hash } from 'node:crypto';
import type { TaskDefinition } from './definition.js';
import { keyValueOf } from './limit.key.js';
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
export function isLimited({ group, rateLimit, keyLimit }: TaskPolicies): boolean {
  return group !== null || rateLimit !== null || keyLimit !== null;
}

/** All that a run of a task needs beside a place in an executor. */
export function needsOf(definition: TaskDefinition): readonly LimitNeed[] {
  const { policies } = definition;
  const { group, groupLimit, keyLimit } = policies;
  if (!isLimited(policies)) return NO_NEEDS;
  const needs: LimitNeed[] = [];
  if (group !== null) needs.push({ name: groupNeed(group), most: groupLimit });
  if (keyLimit !== null) needs.push({ name: keyNeed(keyNameOf(definition)), most: keyLimit });
  const rate = rateNeedOf(definition);
  if (rate !== null) needs.push({ name: rate, most: Infinity });
  return needs;
}

/** The name of what limits how many runs of a group are under way. */
export function groupNeed(group: string): string {
  return `group:${group}`;
}

/** The name of what limits how many runs with a key are under way. */
export function keyNeed(name: string): string {
  return `key:${name}`;
}

/** The name that tasks of one group, or of one handler, with the same key have in common. Short enough for the id of a record. */
export function keyNameOf(definition: TaskDefinition): string {
  return `${digest(scopeOf(definition))}:${keyValueOf(definition) ?? ''}`;
}

function scopeOf({ handler, policies: { group } }: TaskDefinition): string {
  return group === null ? `handler:${handler}` : `group:${group}`;
}

/**
 * The account in which the starts of a task are counted, for all tasks that share its rate limit; null where it has none. Short
 * enough for the id of a record.
 */
export function rateAccountOf(definition: TaskDefinition): string | null {
  const { handler, policies } = definition;
  const { group, rateLimit } = policies;
  if (rateLimit === null) return null;
  if (rateLimit.of === 'key') return `key:${keyNameOf(definition)}`;
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
  if (rateLimit === null || rateLimit.of === 'key') return group;
  const print = digest(rateNeedOf(definition)!);
  const name = group ?? definition.handler;
  return group !== null || PLAIN_NAME.test(name) ? `${name} ~${print}` : `~${print}`;
}

/**
 * The value of the due key `key`: the key of a task in clear, behind a digest of what it is a key within; null where nothing goes
 * by it. So a claim leaves out what waits for a limit of its key, or has had its turn.
 */
export function keyLaneOf(definition: TaskDefinition): string | null {
  const { limitKey, group, rateLimit, keyLimit } = definition.policies;
  if (limitKey === null) return null;
  const isOfKey = rateLimit?.of === 'key';
  if (group === null && keyLimit === null && !isOfKey) return null;
  const value = keyValueOf(definition);
  if (value === null) return null;
  const within = [scopeOf(definition), groupLaneOf(definition), keyLimit, isOfKey && limitText(definition.policies)];
  return `${digest(JSON.stringify(within))} ${value}`;
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
