import { listOf } from '../errors/asyncz.error.js';
import { isArray } from '../errors/foreign.js';
import { InvalidOptionError, rejectUnknownOptions } from '../errors/input.errors.js';
import { namesOf } from '../model/names.js';
import { RUN_STATUSES } from '../model/run.js';
import type { RunStatus } from '../model/run.js';
import type { SchedulerEventMap, SchedulerEventName } from './event.map.js';

/** One or several texts, of which one has to fit; `*` stands for any characters, also for none. */
type Patterns = string | readonly string[];

/**
 * Which events a listener is called with, beside their names. What is left out does not matter; all that is given has to fit.
 * In texts `*` stands for any characters; of a list one has to fit.
 *
 * @publicApi
 */
export interface EventFilterOptions {
  /** The id of the task: `'reports.*'`. */
  readonly task?: Patterns;
  /** The handler of the run. */
  readonly handler?: Patterns;
  /** A tag of the task. */
  readonly tag?: Patterns;
  /** The alias of the store. */
  readonly store?: Patterns;
  /** How the run ended. */
  readonly status?: RunStatus | readonly RunStatus[];
}

type FilterKey = keyof EventFilterOptions;

/** The field of an event that each option looks at. */
const FIELDS = { task: 'taskId', handler: 'handler', tag: 'tags', store: 'store', status: 'run' } as const;

type FieldOf = typeof FIELDS;

/** The options that look at a field which an event of one of these names has. */
type KeysOf<Name extends SchedulerEventName> = {
  [N in Name]: { [Key in FilterKey]: FieldOf[Key] extends keyof SchedulerEventMap[N] ? Key : never }[FilterKey];
}[Name];

/**
 * The filter of a listener of these events: the options for what these events say.
 *
 * @publicApi
 */
export type EventFilter<Name extends SchedulerEventName = SchedulerEventName> = Pick<
  EventFilterOptions,
  KeysOf<Name>
> & { readonly [Key in Exclude<FilterKey, KeysOf<Name>>]?: never };

type Filterable<Key extends FilterKey> = Readonly<Record<Key, 0>>;

const NOTHING = {};
const STORE: Filterable<'store'> = { store: 0 };
const TASK: Filterable<'task' | 'store'> = { task: 0, store: 0 };
const RUN: Filterable<'task' | 'store' | 'handler' | 'tag'> = { ...TASK, handler: 0, tag: 0 };
const ENDED: Filterable<FilterKey> = { ...RUN, status: 0 };

/** Every event, and by what it can be filtered. */
const EVENTS: { readonly [Name in SchedulerEventName]: Filterable<KeysOf<Name>> } = {
  'scheduler.started': NOTHING,
  'scheduler.shutdown': NOTHING,
  'scheduler.paused': NOTHING,
  'scheduler.resumed': NOTHING,
  'scheduler.draining': NOTHING,
  'scheduler.drained': NOTHING,
  'scheduler.clock-skew': STORE,
  'scheduler.deploy-pending': NOTHING,
  'executor.added': NOTHING,
  'executor.removed': NOTHING,
  'store.added': STORE,
  'store.removed': STORE,
  'store.failed': STORE,
  'store.recovered': STORE,
  'store.emptied': STORE,
  'task.added': TASK,
  'task.modified': TASK,
  'task.paused': TASK,
  'task.resumed': TASK,
  'task.disabled': TASK,
  'task.enabled': TASK,
  'task.renamed': TASK,
  'task.removed': TASK,
  'tasks.removed': STORE,
  'task.conflict': TASK,
  'task.problem': TASK,
  'task.unreadable': TASK,
  'task.orphaned': { ...TASK, handler: 0 },
  'task.late': { ...TASK, handler: 0 },
  'task.silent': { ...TASK, handler: 0 },
  'task.recovered': { ...TASK, handler: 0 },
  'run.submitted': RUN,
  'run.started': RUN,
  'run.progress': RUN,
  'run.succeeded': ENDED,
  'run.failed': ENDED,
  'run.cancelled': ENDED,
  'run.missed': ENDED,
  'run.skipped': ENDED,
  'run.lost': ENDED,
  'run.steps-unasked': RUN,
  'run.suspended': RUN,
  'run.fenced': RUN,
};

/** Every event name, for checking input. */
export const SCHEDULER_EVENT_NAMES = namesOf<SchedulerEventName>(EVENTS as Record<SchedulerEventName, never>);

const OPTIONS = namesOf<FilterKey>(ENDED);

/** Whether an event fits, by its fields. */
type Test = (event: Readonly<Record<string, unknown>>) => boolean;

/**
 * Reads the names and the filter of a listener.
 *
 * @returns The names, null for all; and the test that is left for each event of them, null for none.
 * @throws InvalidOptionError When a name is not an event's, or a value is not allowed, or an option is for what none of the
 *   events says. UnknownOptionError
 */
export function readFilter(
  names: string | readonly string[] | undefined,
  filter: EventFilterOptions = {},
): { readonly names: ReadonlySet<string> | null; readonly test: Test | null } {
  const wanted = names === undefined ? null : typeof names === 'string' ? [names] : names;
  if (names !== undefined && !(isArray(wanted) && wanted.length > 0)) {
    throw new InvalidOptionError('event', names, 'the name of an event, or a list of names that is not empty');
  }
  for (const name of wanted ?? []) {
    if (!(SCHEDULER_EVENT_NAMES as readonly unknown[]).includes(name)) {
      throw new InvalidOptionError('event', name, listOf(SCHEDULER_EVENT_NAMES));
    }
  }
  rejectUnknownOptions('the filter of a listener', filter, OPTIONS);
  const given = OPTIONS.filter((key) => filter[key] !== undefined);
  const tests = given.map((key) => testOf(key, filter[key], (wanted ?? SCHEDULER_EVENT_NAMES) as SchedulerEventName[]));
  return {
    names: wanted && new Set(wanted),
    test: tests.length === 0 ? null : (event) => tests.every((fits) => fits(event)),
  };
}

function testOf(key: FilterKey, value: unknown, names: readonly SchedulerEventName[]): Test {
  if (!names.some((name) => key in EVENTS[name])) {
    const others = SCHEDULER_EVENT_NAMES.filter((name) => key in EVENTS[name]);
    throw new InvalidOptionError(key, value, `left out, or used with one of these events: ${listOf(others)}`);
  }
  const patterns: readonly unknown[] = isArray(value) ? value : [value];
  const isStatus = key === 'status';
  for (const pattern of patterns) {
    if (isStatus && !(RUN_STATUSES as readonly unknown[]).includes(pattern)) {
      throw new InvalidOptionError(key, pattern, listOf(RUN_STATUSES));
    }
    if (typeof pattern !== 'string' || pattern === '') {
      throw new InvalidOptionError(key, pattern, 'a text that is not empty, or a list of such texts');
    }
  }
  if (patterns.length === 0) throw new InvalidOptionError(key, value, 'a list that is not empty');
  const fits = (patterns as readonly string[]).map(matcherOf);
  const field = FIELDS[key];
  return (event) => textsIn(event[field]).some((text) => fits.some((one) => one(text)));
}

/** The texts of a field: its own, the tags, or the status of a run. */
function textsIn(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value];
  if (Array.isArray(value)) return value as readonly string[];
  return value === undefined ? [] : [(value as { readonly status: RunStatus }).status];
}

/** Whether a text fits a pattern, in a time that grows with the length of both and no faster. */
function matcherOf(pattern: string): (text: string) => boolean {
  const parts = pattern.split('*');
  if (parts.length === 1) return (text) => text === pattern;
  const first = parts[0]!;
  const last = parts.at(-1)!;
  const between = parts.slice(1, -1);
  return (text) => {
    if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return false;
    const end = text.length - last.length;
    let at = first.length;
    for (const part of between) {
      const found = text.indexOf(part, at);
      if (found < 0 || found + part.length > end) return false;
      at = found + part.length;
    }
    return true;
  };
}
