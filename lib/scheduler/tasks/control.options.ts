import { InvalidOptionError } from '../../errors/input.errors.js';
import { INTERNAL_PREFIX } from '../../model/definition.js';
import { namesOf } from '../../model/names.js';
import type { RunRequest } from '../../model/run.js';

/** The longest actor or reason that is kept, in characters: they stand in every record that they are about. */
const MAX_LENGTH = 500;

/**
 * A task, or its id.
 *
 * @publicApi
 */
export type TaskRef = string | { readonly id: string; readonly store?: string };

/**
 * The store of a task.
 *
 * @publicApi
 */
export interface TaskTarget {
  /** The alias of the store; without it, the first store that has the id. */
  readonly store?: string;
}

/**
 * Who asks for an operation, and why. Both are kept, and have at most 500 characters each.
 *
 * @publicApi
 */
export interface ActorOptions {
  /** Who asks. */
  readonly actor?: string;
  /** Why. */
  readonly reason?: string;
}

/**
 * The transaction of a change.
 *
 * @publicApi
 */
export interface TransactionOptions {
  /**
   * The caller's own transaction (a TypeORM `EntityManager`): the change is made if it commits, and not if it rolls back. The
   * store is `default` then, unless it is named. Only if the store's `transactionalChanges` is true.
   */
  readonly transaction?: unknown;
}

/**
 * The store of the task, who asks, why, and the caller's own transaction.
 *
 * @publicApi
 */
export interface ControlOptions extends TaskTarget, ActorOptions, TransactionOptions {}

/**
 * The version of a task that a change is for.
 *
 * @publicApi
 */
export interface VersionOptions {
  /**
   * The `version` that the task has to have; with another one, nothing is changed. Each claim and each end of a run counts as a
   * version, too.
   */
  readonly expectedVersion?: number;
}

/**
 * Options of a change of one task.
 *
 * @publicApi
 */
export interface ChangeOptions extends ControlOptions, VersionOptions {}

/**
 * Options of `redriveRun`: the store, who asks, and why. It reads the history, so it is in no transaction of the caller.
 *
 * @publicApi
 */
export interface RedriveOptions extends TaskTarget, ActorOptions {}

/**
 * Options of `deleteTask`.
 *
 * @publicApi
 */
export interface DeleteOptions extends ChangeOptions {}

/** The names of {@link TaskTarget}. */
export const TARGET_OPTIONS = namesOf<keyof TaskTarget>({ store: 0 });

/** The names of {@link ControlOptions}. */
export const CONTROL_OPTIONS = namesOf<keyof ControlOptions>({ store: 0, actor: 0, reason: 0, transaction: 0 });

/** The names of {@link RedriveOptions}. */
export const REDRIVE_OPTIONS = namesOf<keyof RedriveOptions>({ store: 0, actor: 0, reason: 0 });

/** The names of {@link ChangeOptions}. */
export const CHANGE_TASK_OPTIONS = [...CONTROL_OPTIONS, ...namesOf<keyof VersionOptions>({ expectedVersion: 0 })];

/** The names of {@link ActorOptions}. */
export const ACTOR_OPTIONS = namesOf<keyof ActorOptions>({ actor: 0, reason: 0 });

/** Who asks and why, checked. @throws InvalidOptionError */
export function requestOf({ actor, reason }: ActorOptions): RunRequest {
  return { actor: checkText('actor', actor), reason: checkText('reason', reason) };
}

/**
 * The id of a task and the alias of its store, where that is known.
 *
 * @throws InvalidOptionError
 */
export function locate(ref: TaskRef, target: TaskTarget): { id: string; store: string | undefined } {
  const { id, store }: Partial<Exclude<TaskRef, string>> = typeof ref === 'string' ? { id: ref } : (ref ?? {});
  if (checkTaskId(id, ref).startsWith(INTERNAL_PREFIX)) refuse(ref);
  return { id: id!, store: target.store ?? store };
}

/** @throws InvalidOptionError When it is no id. */
export function checkTaskId(id: unknown, given: unknown = id): string {
  return typeof id === 'string' && id !== '' ? id : refuse(given);
}

function refuse(task: unknown): never {
  throw new InvalidOptionError('task', task, 'the id of a task, or a task');
}

function checkText(option: string, value: unknown): string | null {
  if (value === undefined || value === null) return null;
  if (typeof value !== 'string' || value.length > MAX_LENGTH) {
    throw new InvalidOptionError(option, value, `a text of at most ${MAX_LENGTH} characters`);
  }
  return value;
}
