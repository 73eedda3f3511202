import type { TaskPolicies } from './task.policies.js';

/**
 * A trigger as it is stored: its type and its options, plain JSON. Which options a type has is in `docs/triggers.md`.
 *
 * @publicApi
 */
export interface TriggerData {
  readonly type: string;
  readonly [option: string]: unknown;
}

/**
 * Where a task comes from: declared in the code by a decorator, or added at run time. A finished task that the code declares
 * stays, or the next start would run it again. A finished one that was added at run time is removed.
 *
 * `internal` is an internal record of the schedulers, such as the slots of a group: never due, and left out of queries.
 *
 * @publicApi
 */
export type TaskOrigin = 'code' | 'runtime' | 'internal';

/**
 * How the arguments of a task were given: as the list `args`, or as the one object `data`.
 *
 * @publicApi
 */
export type TaskInput = 'args' | 'data';

/** The prefix of the ids of internal records; no other task may have it. */
export const INTERNAL_PREFIX = 'asyncz:';

/** The handler of every internal record: what a store filters by, since it is a column in clear. */
export const INTERNAL_HANDLER = 'asyncz:internal';

/** The id of an internal record that schedulers with keys leave in a store: who has none finds it, and cannot read it. */
export const ENCRYPTION_MARK = `${INTERNAL_PREFIX}encrypted`;

/** The id of an internal record whose mark is another one when a store was emptied. */
export const CONTENT_MARK = `${INTERNAL_PREFIX}contents`;

/** Whether an id is that of an internal record. */
export function isInternal(id: string): boolean {
  return id.startsWith(INTERNAL_PREFIX);
}

/**
 * What a task does, when and how. Only people change it. It is stored as one versioned envelope, which may be encrypted.
 *
 * @publicApi
 */
export interface TaskDefinition {
  readonly id: string;
  readonly name: string;
  /** The stable name of the handler. Never a module path or anything that gets loaded. */
  readonly handler: string;
  /** What the handler is called with. */
  readonly args: readonly unknown[];
  /** How they were given: as `args`, or as `data`, which is then the only one. */
  readonly input: TaskInput;
  /** The version of the schema of the handler that they were given for; null where the handler has none, which counts as 1. */
  readonly schemaVersion: number | null;
  readonly trigger: TriggerData;
  /** The alias of the executor. */
  readonly executor: string;
  readonly origin: TaskOrigin;
  readonly tags: readonly string[];
  readonly policies: TaskPolicies;
  /** What the code last declared, for tasks of the code; null for others. */
  readonly declared: Declaration | null;
  /**
   * Until when no other task of its key is added (`dedupe` with `throttle`), in milliseconds since the epoch: it stays that long,
   * although it has run. Left out for all others.
   */
  readonly throttledUntil?: number;
  /** The `traceparent` (W3C) of the span under which it was added, so that its runs can be linked to that. Left out where there was none. */
  readonly trace?: string;
}

/**
 * Fingerprints of what the code declared, with the defaults of its scheduler filled in. A deploy compares them with what it
 * declares now: what the code changed is applied, and what only an operator changed stays.
 *
 * @publicApi
 */
export interface Declaration {
  readonly trigger: string;
  /** Of each option by itself: the fields of the definition that a deploy may change, and those of its policies. */
  readonly options: Readonly<Record<string, string>>;
  /** Whether it is declared as paused. */
  readonly paused: boolean;
  /** Whether it is declared as disabled: then nothing of it starts, whoever asks. */
  readonly disabled: boolean;
  /** The ids under which its history is found besides, the latest first: the task had them before. Left out where there is none. */
  readonly previousIds?: readonly string[];
  /** Set while the task gets another id; it is disabled meanwhile. */
  readonly renaming?: Renaming;
}

/**
 * What a task has to do with a rename that is not at its end.
 *
 * @publicApi
 */
export interface Renaming {
  /** Whether it is the task under its old id, or the copy under the new one. */
  readonly part: 'source' | 'copy';
  /** The id of the other part. */
  readonly other: string;
  /** Of a copy: the version of the source that it was made of. 0 for a source. */
  readonly version: number;
  /** Whether the code had disabled it anyway. */
  readonly wasDisabled: boolean;
}

/** How many previous ids a task may have. */
export const MAX_PREVIOUS_IDS = 20;

/** Whether the code holds the task: it is due for nothing but the runs of dead owners. */
export function isDisabled({ declared }: Pick<TaskDefinition, 'declared'>): boolean {
  return declared?.disabled === true;
}

/** What a handler is called with, and how that is to be read: these fields mean nothing one without the others. */
export type HandlerInput = Pick<TaskDefinition, 'args' | 'input' | 'schemaVersion'>;

/** The arguments of a task, and how they are to be read. */
export function inputOf({ args, input, schemaVersion }: TaskDefinition): HandlerInput {
  return { args, input, schemaVersion };
}

/** The fields of a definition, beside its policies and its {@link HandlerInput}, that the options of a declaration say. */
export const DECLARED_FIELDS = ['name', 'handler', 'executor', 'tags'] as const;

/** The option of a declaration that says the {@link HandlerInput}. */
export const DECLARED_INPUT = 'args';
