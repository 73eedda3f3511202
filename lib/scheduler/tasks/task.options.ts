import { namesOf } from '../../model/names.js';
import { POLICY_OPTIONS } from '../../model/task.policies.js';
import type { TaskPolicyOptions } from '../../model/task.policies.js';
import type { BaseTrigger } from '../../triggers/base.trigger.js';
import type { TriggerOptions } from '../../triggers/trigger.options.js';
import type { AskingOptions } from './asking.options.js';
import type { TaskContext } from '../../executors/task-context.js';
import type { ChangeOptions } from './control.options.js';
import type { GivenInput } from './task.input.js';

/**
 * A moment: a `Date`, milliseconds since the epoch, or ISO 8601 text (`2026-11-24T10:00:00Z`; without an offset it is read
 * in the task's zone).
 *
 * @publicApi
 */
export type TimeInput = Date | number | string;

/**
 * A trigger: its type with the options of that type, or one that was made with `createTrigger`.
 *
 * @publicApi
 */
export type TriggerInput = TriggerOptions | BaseTrigger;

/**
 * The handlers of an application by name, declared once for all schedulers.
 *
 * ```ts
 * declare module 'nestjs-asyncz' {
 *   interface TaskHandlers {
 *     'reports.generate': ReportsService['generate'];
 *   }
 * }
 * ```
 *
 * While it is empty, any handler name and any arguments are accepted, and wrong names are found at run time.
 *
 * @publicApi
 */
export interface TaskHandlers {}

/** The handler names of a map: any text when the map is empty. @publicApi */
export type HandlerName<Handlers> = keyof Handlers extends never ? string : keyof Handlers & string;

type Arguments<F> = F extends (...args: infer A) => unknown ? WithoutContext<A> : readonly unknown[];

type WithoutContext<A extends readonly unknown[]> = A extends readonly []
  ? A
  : A extends readonly [...infer Rest, TaskContext]
    ? Rest
    : Required<A> extends readonly [...infer Rest, TaskContext]
      ? Rest
      : A;

/** The arguments of a handler, without the context. @publicApi */
export type HandlerArgs<Handlers, Name> = keyof Handlers extends never
  ? readonly unknown[]
  : Name extends keyof Handlers
    ? Readonly<Arguments<Handlers[Name]>>
    : never;

/** The one argument of a handler that takes an object and nothing else: it may be given as `data`. @publicApi */
export type HandlerData<Handlers, Name> = keyof Handlers extends never
  ? object
  : Name extends keyof Handlers
    ? HandlerArgs<Handlers, Name> extends readonly [infer Only]
      ? Exclude<Extract<Only, object>, readonly unknown[]>
      : never
    : never;

type DataOption<D> = [D] extends [never] ? never : { readonly data: D; readonly args?: never };

/** `args`, which may be left out where a handler takes none, or `data` of a handler that takes one object; anything without a map. */
type InputOption<A, D> = readonly unknown[] extends A
  ? GivenInput
  : A extends readonly []
    ? { readonly args?: A; readonly data?: never }
    : { readonly args: A; readonly data?: never } | DataOption<D>;

/**
 * A task to add, without its handler and arguments.
 *
 * @publicApi
 */
export interface TaskBaseOptions extends TaskPolicyOptions {
  /** Unique in its store; 1 to 255 characters of any kind. A UUID when left out. */
  readonly id?: string;
  /** A name for people. By default that of the handler. */
  readonly name?: string;
  /**
   * The version of the handler's schema that its arguments are for, where it is not that of this process: for a `client` that does
   * not have the handler. By default that of the handler here, and 1 where there is none.
   */
  readonly schemaVersion?: number;
  /** When it runs. Once, now, when left out. */
  readonly trigger?: TriggerInput;
  /** The alias of the store that keeps it. @default 'default' */
  readonly store?: string;
  /** The alias of the executor that runs it. @default 'default' */
  readonly executor?: string;
  /** Words to search for. */
  readonly tags?: readonly string[];
  /** The time of the first run instead of the trigger's; the trigger continues from there. */
  readonly nextRunTime?: TimeInput;
  /** Whether it is added paused. @default false */
  readonly paused?: boolean;
  /** Whether a task with the same id is replaced; its runs under way go on. @default false */
  readonly replaceExisting?: boolean;
  /**
   * The caller's own transaction (a TypeORM `EntityManager`, a Mongoose `ClientSession`): the task is stored if it commits,
   * and not if it rolls back. Only if the store's `transactionalAdds` is true.
   */
  readonly transaction?: unknown;
}

/**
 * A task to add, whose handler and arguments the compiler does not check.
 *
 * @publicApi
 */
export type TaskSpec = TaskBaseOptions & { readonly handler: string } & GivenInput;

/**
 * A task to add: what runs, with which arguments, when and how.
 *
 * @publicApi
 */
export type TaskOptions<
  Handlers = TaskHandlers,
  Name extends HandlerName<Handlers> = HandlerName<Handlers>,
> = TaskBaseOptions &
  AskingOptions & { readonly handler: Name } & InputOption<HandlerArgs<Handlers, Name>, HandlerData<Handlers, Name>>;

/**
 * A task as `upsertTask` takes it: with its id.
 *
 * @publicApi
 */
export type UpsertOptions<Handlers = TaskHandlers, Name extends HandlerName<Handlers> = HandlerName<Handlers>> = Omit<
  TaskBaseOptions,
  'replaceExisting'
> &
  Pick<AskingOptions, 'delay' | 'actor' | 'reason'> & {
    readonly id: string;
    readonly handler: Name;
  } & InputOption<HandlerArgs<Handlers, Name>, HandlerData<Handlers, Name>>;

interface TaskChangeOptions extends TaskPolicyOptions {
  readonly name?: string;
  /** A new trigger also sets the next run time. */
  readonly trigger?: TriggerInput;
  readonly executor?: string;
  readonly tags?: readonly string[];
  /** The time of the next run instead of the trigger's; the trigger continues from there. */
  readonly nextRunTime?: TimeInput;
}

/** `args` and `data` both take the place of what the task has of either. */
interface InputChanges<Handlers, Name> {
  /** Of the new arguments, where it is not that of this process. */
  readonly schemaVersion?: number;
  readonly args?: HandlerArgs<Handlers, Name>;
  readonly data?: HandlerData<Handlers, Name>;
}

/**
 * The options of a task that can be changed. An option that is left out stays. The arguments are those of its handler, or of another
 * one that it is given.
 *
 * @publicApi
 */
export type TaskChanges<
  Handlers = TaskHandlers,
  Name extends HandlerName<Handlers> = HandlerName<Handlers>,
> = TaskChangeOptions &
  (
    | ({ readonly handler?: undefined } & InputChanges<Handlers, Name>)
    | {
        [Other in HandlerName<Handlers>]: { readonly handler: Other } & InputChanges<Handlers, Other>;
      }[HandlerName<Handlers>]
  );

/**
 * Options of `updateTask` and `rescheduleTask`.
 *
 * @publicApi
 */
export interface UpdateOptions extends ChangeOptions {}

export const CHANGE_OPTIONS = [
  ...namesOf<Exclude<keyof TaskChanges, keyof TaskPolicyOptions>>({
    name: 0,
    handler: 0,
    args: 0,
    data: 0,
    schemaVersion: 0,
    trigger: 0,
    executor: 0,
    tags: 0,
    nextRunTime: 0,
  }),
  ...POLICY_OPTIONS,
];

export const TASK_OPTIONS = [
  ...namesOf<Exclude<keyof TaskOptions, keyof TaskChanges | keyof AskingOptions>>({
    id: 0,
    store: 0,
    paused: 0,
    replaceExisting: 0,
    transaction: 0,
  }),
  ...CHANGE_OPTIONS,
];

/** The options of a task that is asked for at run time. */
export const ASKED_OPTIONS = [
  ...TASK_OPTIONS,
  ...namesOf<keyof AskingOptions>({ delay: 0, dedupe: 0, actor: 0, reason: 0 }),
];
