import type { TaskFilterInput, JsonTrigger } from '../../client/operation.inputs.js';
import type { JsonValue } from '../../client/json.value.js';
import { parseDuration } from '../../model/duration.js';
import { RUN_SOURCES, RUN_STATUSES } from '../../model/run.js';
import { TASK_STATE_NAMES } from '../../model/query.js';
import { UsageError } from '../cli.errors.js';
import { repeated } from '../command.spec.js';
import type { OptionSpec } from '../command.spec.js';

/** The store of a task that is named by its id. */
export const IN_STORE: OptionSpec = {
  flags: '--in <alias>',
  description: 'the store of the task; the first one that has it when left out',
};

export interface InStore {
  readonly in?: string;
}

export const REASON: OptionSpec = { flags: '--reason <text>', description: 'why; kept with the task' };

export const YES: OptionSpec = { flags: '-y, --yes', description: 'do it without asking' };

/** Options by which tasks are chosen. */
export interface FilterOptions {
  readonly tag?: string;
  readonly handler?: string;
  readonly state?: TaskFilterInput['state'];
  readonly executor?: string;
  readonly trigger?: string;
  readonly query?: string;
  readonly in?: string;
}

export const FILTER: readonly OptionSpec[] = [
  { flags: '--tag <tag>', description: 'tasks with this tag' },
  { flags: '--handler <name>', description: 'tasks of this handler' },
  { flags: '--state <state>', description: 'tasks in this state', choices: TASK_STATE_NAMES },
  { flags: '--executor <alias>', description: 'tasks of this executor' },
  { flags: '--trigger <type>', description: 'tasks with a trigger of this type' },
  { flags: '--query <text>', description: 'tasks with this text in id, name, handler, trigger or executor' },
  { flags: '--in <alias>', description: 'tasks of this store' },
];

/** Which tasks the options of {@link FILTER} choose; empty where none was given. */
export function filterOf(options: FilterOptions): TaskFilterInput {
  const { tag, handler, state, executor, trigger, query: q, in: store } = options;
  return given({ tag, handler, state, executor, trigger, q, store });
}

/** Options by which runs are chosen. */
export interface RunFilterOptions {
  readonly task?: string;
  readonly status?: (typeof RUN_STATUSES)[number];
  readonly source?: (typeof RUN_SOURCES)[number];
  readonly owner?: string;
  readonly from?: string;
  readonly to?: string;
  readonly in?: string;
}

export const RUN_FILTER: readonly OptionSpec[] = [
  { flags: '--task <id>', description: 'runs of this task' },
  { flags: '--status <status>', description: 'runs that ended so', choices: RUN_STATUSES },
  { flags: '--source <source>', description: 'runs that came from there', choices: RUN_SOURCES },
  { flags: '--owner <identity>', description: 'runs on this scheduler' },
  {
    flags: '--from <time>',
    description: 'ended at this time or later: ISO 8601, or a duration such as 2h for 2 hours ago',
  },
  { flags: '--to <time>', description: 'ended before this time' },
  { flags: '--in <alias>', description: 'runs of the tasks of this store' },
];

export function runFilterOf(
  { task: taskId, status, source, owner, from, to, in: store }: RunFilterOptions,
  now: number,
) {
  return given({ taskId, status, source, owner, store, from: pastTime(from, now), to: pastTime(to, now) });
}

/** Options that say when a task runs. */
export interface TriggerOptions {
  readonly cron?: string;
  readonly every?: string;
  readonly at?: string;
  readonly triggerJson?: Readonly<Record<string, JsonValue>>;
  readonly timezone?: string;
}

export const TRIGGER: readonly OptionSpec[] = [
  { flags: '--cron <expression>', description: 'at the times of a cron expression' },
  { flags: '--every <duration>', description: 'at an interval, such as 90s or 1h30m' },
  { flags: '--at <time>', description: 'once, at this time (ISO 8601)' },
  {
    flags: '--trigger-json <json>',
    description: 'any trigger as an object with its type',
    parse: (text) => jsonObject('--trigger-json', text),
  },
  { flags: '--timezone <zone>', description: 'the IANA zone of the trigger' },
];

/** The trigger of the options; undefined where none was given. @throws UsageError */
export function triggerOf({ cron, every, at, triggerJson, timezone }: TriggerOptions): JsonTrigger | undefined {
  const ways = Object.entries({ '--cron': cron, '--every': every, '--at': at, '--trigger-json': triggerJson });
  const used = ways.filter(([, value]) => value !== undefined).map(([name]) => name);
  if (used.length > 1) throw new UsageError(`${used.join(' and ')} say when the task runs: give one of them`);
  if (used.length === 0) {
    if (timezone !== undefined)
      throw new UsageError('--timezone is of a trigger: give --cron, --every, --at or --trigger-json too');
    return undefined;
  }
  const zone = timezone === undefined ? {} : { timezone };
  if (cron !== undefined) return { type: 'cron', expression: cron, ...zone };
  if (every !== undefined) return { type: 'interval', every, ...zone };
  if (at !== undefined) return { type: 'date', runAt: at, ...zone };
  const { type, ...more } = triggerJson!;
  if (typeof type !== 'string')
    throw new UsageError('--trigger-json has no "type": write {"type":"cron","expression":"0 3 * * *"}');
  return { type, ...more, ...zone };
}

/** Options of what a task is, that `add` and `update` have. */
export interface DefinitionOptions {
  readonly name?: string;
  readonly args?: readonly JsonValue[];
  readonly data?: Readonly<Record<string, JsonValue>>;
  readonly executor?: string;
  readonly tags?: readonly string[];
  readonly set?: Readonly<Record<string, JsonValue>>;
}

export const DEFINITION: readonly OptionSpec[] = [
  { flags: '--name <text>', description: 'a name for people' },
  { flags: '--args <json>', description: 'the arguments, as a JSON array', parse: (text) => jsonArray('--args', text) },
  {
    flags: '--data <json>',
    description: 'the one argument, as a JSON object',
    parse: (text) => jsonObject('--data', text),
  },
  { flags: '--executor <alias>', description: 'the executor that runs it' },
  { flags: '--tags <tag>', description: 'a tag; may be repeated', parse: repeated },
  {
    flags: '--set <option=value>',
    description: 'an option such as maxInstances=2, timeout=30s or retry={"attempts":3}; may be repeated',
    parse: assignment,
  },
];

export function definitionOf({ name, args, data, executor, tags, set }: DefinitionOptions) {
  return given({ ...set, name, args, data, executor, tags });
}

/** What was given: an option that was left out is no field. */
export function given<T extends object>(fields: T): { [Key in keyof T]: Exclude<T[Key], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never;
}

/** A whole number within bounds. @throws UsageError */
export function count(name: string, min: number, max: number): (text: string) => number {
  return (text) => {
    const number = /^\d+$/.test(text) ? Number(text) : NaN;
    if (number >= min && number <= max) return number;
    throw new UsageError(`${name} takes a whole number from ${min} to ${max}, not ${JSON.stringify(text)}`);
  };
}

/** A time in the past, where a duration says how long ago. */
function pastTime(text: string | undefined, now: number): string | undefined {
  const ago = text === undefined ? null : parseDuration(text);
  return ago === null ? text : new Date(now - ago).toISOString();
}

/** A time to come, where a duration says in how long. */
export function futureTime(text: string | undefined, now: number): string | undefined {
  const away = text === undefined ? null : parseDuration(text);
  return away === null ? text : new Date(now + away).toISOString();
}

function assignment(text: string, previous: unknown): Readonly<Record<string, JsonValue>> {
  const at = text.indexOf('=');
  if (at <= 0) throw new UsageError(`--set takes option=value, not ${JSON.stringify(text)}`);
  const [option, value] = [text.slice(0, at), text.slice(at + 1)];
  return { ...(previous as object | undefined), [option]: jsonOrText(value) };
}

function jsonOrText(text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return text;
  }
}

function jsonArray(option: string, text: string): readonly JsonValue[] {
  const value = json(option, text);
  if (Array.isArray(value)) return value as readonly JsonValue[];
  throw new UsageError(`${option} takes a JSON array, such as '["a", 1]'`);
}

function jsonObject(option: string, text: string): Readonly<Record<string, JsonValue>> {
  const value = json(option, text);
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, JsonValue>;
  throw new UsageError(`${option} takes a JSON object, such as '{"key": "value"}'`);
}

function json(option: string, text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue;
  } catch (error) {
    throw new UsageError(`${option} is no JSON: ${(error as Error).message}`);
  }
}
