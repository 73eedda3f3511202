import { InvalidOptionError } from '../../errors/input.errors.js';

/** The hash of definitions, unless an option says otherwise. */
export const DEFAULT_TASKS_KEY = 'asyncz.tasks';

/** The sorted set of next run times, unless an option says otherwise. */
export const DEFAULT_RUN_TIMES_KEY = 'asyncz.run_times';

/**
 * The keys of a store, as they are handed to the client, in the order in which every script gets them. A script declares
 * all it touches: with names made up inside, a slot that is on its way to another node would stop it half way.
 */
export interface RedisKeys {
  readonly all: readonly string[];
  /** The channel of wake-ups. The database's number is part of it: channels do not belong to a database. */
  readonly wakeChannel: string;
}

/** What comes after the tag in the names of the other keys; their meaning is in `scripts/prelude.lua.ts`. */
const SUFFIXES = [
  'states',
  'taken',
  'batches',
  'leases',
  'due',
  'queues',
  'runs',
  'run_ends',
  'task_runs',
  'attempts',
  'run_counts',
  'other_counts',
  'schedulers',
  'start_tasks',
  'journal',
  'journal_index',
] as const;

/** How many of them come before the set of run times. */
const BEFORE_RUN_TIMES = SUFFIXES.indexOf('runs');

export interface KeyOptions {
  readonly tasksKey: string;
  readonly runTimesKey: string;
  /** What the client puts in front of every key. */
  readonly keyPrefix: string;
  readonly database: number;
}

/**
 * Names the keys so that all of them are in one slot of a Redis Cluster. The hash of tasks has its name as it is given.
 * Where that has a hash tag, the others carry it too; where it has none, its whole name is their tag, because a key
 * without a tag is hashed by its whole name.
 *
 * @throws InvalidOptionError When the names cannot be brought into one slot.
 */
export function keysOf({ tasksKey, runTimesKey, keyPrefix, database }: KeyOptions): RedisKeys {
  const whole = keyPrefix + tasksKey;
  const given = hashTag(whole);
  if (given === null && /[{}]/.test(whole)) {
    throw new InvalidOptionError('tasksKey', whole, 'braces only as one hash tag: "{app}.tasks"');
  }
  const derive = (suffix: string) => (given === null ? `{${whole}}:${suffix}` : `${tasksKey}:${suffix}`);
  const names = SUFFIXES.map(derive);
  const runTimes = runTimesName(runTimesKey, keyPrefix, given ?? whole);
  return {
    all: [tasksKey, ...names.slice(0, BEFORE_RUN_TIMES), runTimes, ...names.slice(BEFORE_RUN_TIMES)],
    wakeChannel: `${keyPrefix}${derive('wake')}:${database}`,
  };
}

function runTimesName(runTimesKey: string, keyPrefix: string, tag: string): string {
  const own = hashTag(keyPrefix + runTimesKey);
  if (own === tag) return runTimesKey;
  if (own === null && !/[{}]/.test(runTimesKey)) return `{${tag}}:${runTimesKey}`;
  throw new InvalidOptionError('runTimesKey', runTimesKey, `a name without braces, or with the hash tag {${tag}}`);
}

/** The part of a key that decides about its slot, or null when that is the whole key. */
function hashTag(key: string): string | null {
  const open = key.indexOf('{');
  const close = open < 0 ? -1 : key.indexOf('}', open + 1);
  return close > open + 1 ? key.slice(open + 1, close) : null;
}
