import { InvalidOptionError, rejectUnknownOptions } from '../../errors/input.errors.js';
import { listOf } from '../../errors/asyncz.error.js';
import type { Duration } from '../../model/duration.js';
import { namesOf } from '../../model/names.js';
import { toMilliseconds } from '../../time/inputs.js';
import type { Dedupe, DedupeMode } from '../plan/dedupe.plan.js';
import type { AskingOptions, DedupeOptions } from './asking.options.js';
import type { TaskSpec } from './task.options.js';

/**
 * A task to add, with what the call says beside it, whose handler and arguments the compiler does not check.
 */
export type AskedTask = TaskSpec & AskingOptions;

const DEDUPE_OPTIONS = namesOf<keyof DedupeOptions>({ key: 0, mode: 0, for: 0 });
const MODES = namesOf<DedupeMode>({ skip: 0, replace: 0, debounce: 0, throttle: 0 });

/** The longest key, so that an id has room for the name of a handler. */
const MAX_KEY_LENGTH = 200;

/** The longest delay and window, in milliseconds: a hundred years. */
const MAX_MS = 3_153_600_000_000;

/** A task as it is to be built, and what becomes of it when it is there already. */
export interface Asked {
  readonly spec: TaskSpec;
  /** null where an id that is taken is a conflict. */
  readonly dedupe: Dedupe | null;
}

/**
 * Reads what a call says beside the task.
 *
 * @param now The store's clock, in milliseconds since the epoch.
 * @throws InvalidOptionError, UnknownOptionError
 */
export function readAsking(options: AskedTask, now: number): Asked {
  if (options?.dedupe === undefined) return { spec: withDelay(options, now), dedupe: null };
  const dedupe = readDedupe(options.dedupe);
  for (const name of ['id', 'replaceExisting'] as const)
    refuse(options, name, 'left out with "dedupe": the key is the id');
  const isTimed = dedupe.mode === 'debounce' || dedupe.mode === 'throttle';
  if (isTimed)
    for (const name of ['trigger', 'nextRunTime'] as const)
      refuse(options, name, `left out with dedupe.mode "${dedupe.mode}": it runs once`);
  if (dedupe.mode === 'debounce') refuse(options, 'delay', 'left out with dedupe.mode "debounce": "for" is the delay');
  const spec = dedupe.mode === 'debounce' ? once(options, now + dedupe.forMs!) : withDelay(options, now);
  return {
    // What is asked for while it runs is not lost: it waits for the end.
    spec: { ...spec, id: dedupeId(options.handler, options.dedupe.key), overlap: options.overlap ?? 'queueAll' },
    dedupe,
  };
}

function readDedupe(given: DedupeOptions): Dedupe {
  rejectUnknownOptions('dedupe', given, DEDUPE_OPTIONS);
  const { key, mode = 'skip', for: length } = given;
  if (
    typeof key !== 'string' ||
    key === '' ||
    key.length > MAX_KEY_LENGTH ||
    key.includes('\0') ||
    /\p{Surrogate}/u.test(key)
  ) {
    const allowed = `a text of 1 to ${MAX_KEY_LENGTH} characters of well-formed Unicode without NUL`;
    throw new InvalidOptionError('dedupe.key', key, allowed);
  }
  if (!MODES.includes(mode)) throw new InvalidOptionError('dedupe.mode', mode, listOf(MODES));
  if (mode === 'debounce' || mode === 'throttle') {
    return { mode, forMs: toMilliseconds(length as Duration, 'dedupe.for', { min: 1, max: MAX_MS }) };
  }
  if (length !== undefined) throw new InvalidOptionError('dedupe.for', length, `left out with mode "${mode}"`);
  return { mode, forMs: null };
}

/**
 * The id of the task of a handler and a key: the same on every node, so that the store itself tells that it is there. The key is
 * what follows the last `~`, so no two pairs have one id.
 *
 * @throws InvalidOptionError When the handler has no name.
 */
function dedupeId(handler: string, key: string): string {
  if (typeof handler !== 'string' || handler === '') {
    throw new InvalidOptionError('handler', handler, 'the name of a handler');
  }
  return `${handler}~${key.replace(/[%~]/g, (char) => (char === '~' ? '%7E' : '%25'))}`;
}

function withDelay(options: AskedTask, now: number): TaskSpec {
  if (options?.delay === undefined) return options;
  for (const name of ['trigger', 'nextRunTime'] as const) refuse(options, name, 'left out with "delay"');
  return once(options, now + toMilliseconds(options.delay, 'delay', { max: MAX_MS }));
}

function once(options: AskedTask, at: number): TaskSpec {
  return { ...options, trigger: { type: 'date', runAt: at } };
}

function refuse(options: AskedTask, name: keyof AskedTask, allowed: string): void {
  if (options[name] !== undefined) throw new InvalidOptionError(name, options[name], allowed);
}
