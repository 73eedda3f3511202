import { isArray, isObject, read } from '../../errors/foreign.js';
import { takePromise } from '../../errors/returned.js';
import { ArgumentsRefusedError } from '../../errors/schema.errors.js';
import type { ArgumentIssue } from '../../errors/schema.errors.js';
import type { TaskInput } from '../../model/definition.js';

/** How many issues are told, and how long each part of one is at the most: they are kept with the run. */
const MOST = 10;
const LONGEST = { message: 300, rule: 80, segment: 80, segments: 30 };

/** The error for what a schema has found. Nothing of it is trusted: it is made by code of others. */
export function refusalOf(handler: string, input: TaskInput, issues: unknown): ArgumentsRefusedError {
  const length = isArray(issues) ? read(issues, 'length') : 0;
  const count = typeof length === 'number' ? length : 0;
  const told: ArgumentIssue[] = [];
  for (let at = 0; at < Math.min(count, MOST); at += 1) told.push(issueOf(read(issues as object, at), input));
  if (told.length === 0) told.push({ path: input, message: 'it is refused without a reason', rule: null });
  return new ArgumentsRefusedError(handler, told, Math.max(0, count - MOST));
}

function issueOf(issue: unknown, input: TaskInput): ArgumentIssue {
  takePromise(issue);
  if (!isObject(issue)) return { path: input, message: 'it is refused without a reason', rule: null };
  const message = read(issue, 'message');
  return {
    path: `${input}${pathOf(read(issue, 'path'))}`,
    message: typeof message === 'string' && message !== '' ? message.slice(0, LONGEST.message) : 'it is refused',
    rule: ruleOf(issue),
  };
}

/** zod and arktype call it `code`, valibot `type`. */
function ruleOf(issue: object): string | null {
  for (const key of ['code', 'type']) {
    const rule = read(issue, key);
    if (typeof rule === 'string' && rule !== '') return rule.slice(0, LONGEST.rule);
  }
  return null;
}

const NAME = /^[A-Za-z_$][\w$]*$/;

function pathOf(path: unknown): string {
  if (!isArray(path)) return '';
  const length = read(path, 'length');
  let text = '';
  for (let at = 0; at < Math.min(Number(length) || 0, LONGEST.segments); at += 1) {
    const segment = read(path, at);
    const key = isObject(segment) ? read(segment, 'key') : segment;
    if (typeof key === 'number') text += `[${key}]`;
    else if (typeof key === 'string' && NAME.test(key)) text += `.${key.slice(0, LONGEST.segment)}`;
    else text += typeof key === 'string' ? `[${JSON.stringify(key.slice(0, LONGEST.segment))}]` : `[${typeof key}]`;
  }
  return text;
}
