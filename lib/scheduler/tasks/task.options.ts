import type { Duration } from '../../model/duration.js';
import type { Coalesce, Delivery, Overlap } from '../../model/definition.js';
import type { BaseTrigger } from '../../triggers/base.trigger.js';
import type { TriggerOptions } from '../../triggers/trigger.options.js';
import type { TaskContext } from '../../executors/task-context.js';

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
 * How a failed run is tried again.
 *
 * @publicApi
 */
export interface RetryOptions {
  /** How often a run is started at the most, the first time included; a whole number from 1. */
  readonly attempts: number;
  /**
   * How the wait grows: `fixed`, `exponential`, or the name of a registered function.
   *
   * @default 'exponential'
   */
  readonly backoff?: string;
  /**
   * The first wait.
   *
   * @default '1s'
   */
  readonly delay?: Duration;
  /**
   * The longest wait.
   *
   * @default '1h'
   */
  readonly maxDelay?: Duration;
}

/**
 * How a task is run: what decorators, `addTask` and `taskDefaults` have in common.
 *
 * @publicApi
 */
export interface TaskPolicyOptions {
  /**
   * What becomes of several due times found at once, as after an outage: `true` or `latest` runs the latest of them,
   * `earliest` the first, `false` or `all` each (bounded by `maxCatchUp`). How many were folded is recorded.
   *
   * @default true
   */
  readonly coalesce?: boolean | Coalesce;
  /**
   * With `coalesce: 'all'`, how many missed times are run at the most: the latest ones. The rest are recorded as missed.
   *
   * @default 100
   */
  readonly maxCatchUp?: number;
  /**
   * How late a run may start before it is recorded as missed; null for however late.
   *
   * @default null
   */
  readonly misfireGraceTime?: Duration | null;
  /**
   * How many runs of the task may be under way in the whole cluster; a whole number from 1.
   *
   * @default 1
   */
  readonly maxInstances?: number;
  /**
   * What becomes of a due time that comes while the task already runs `maxInstances` times.
   *
   * @default 'skip'
   */
  readonly overlap?: Overlap;
  /**
   * With `overlap: 'queueAll'`, how many may wait.
   *
   * @default 100
   */
  readonly maxQueued?: number;
  /**
   * What becomes of a run whose process died: run again, or recorded as lost.
   *
   * @default 'at-least-once'
   */
  readonly delivery?: Delivery;
  /**
   * With more due tasks than room, smaller numbers go first; a whole number. One claim in eight goes by age alone, so
   * that nothing starves.
   *
   * @default 0
   */
  readonly priority?: number;
  /**
   * A group of tasks that share a limit, by a name of one's own, such as the system that all of them use; null for none.
   *
   * @default null
   */
  readonly group?: string | null;
  /**
   * With `group`: it starts only while fewer runs of its group than this are under way in the whole cluster, and waits
   * otherwise; a whole number from 1. The tasks of a group say the same; where not, each goes by its own.
   *
   * @default 1
   */
  readonly groupLimit?: number;
  /**
   * How a failed run is tried again: a number of attempts, or more; null for not at all.
   *
   * @default null
   */
  readonly retry?: number | RetryOptions | null;
  /**
   * How long one attempt may take before its signal is aborted and it counts as failed; null for no limit.
   *
   * @default null
   */
  readonly timeout?: Duration | null;
  /**
   * After how many failed runs in a row the task is paused; null for never.
   *
   * @default null
   */
  readonly pauseAfterFailures?: number | null;
}

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

/** `args` may be left out where a handler takes none. */
type ArgsOption<A> = readonly unknown[] extends A
  ? { readonly args?: A }
  : A extends readonly []
    ? { readonly args?: A }
    : { readonly args: A };

/**
 * A task to be added.
 *
 * @publicApi
 */
export interface TaskBaseOptions extends TaskPolicyOptions {
  /** Unique in its store; 1 to 255 characters of any kind. A UUID when left out. */
  readonly id?: string;
  /** For people. The handler's name when left out. */
  readonly name?: string;
  /** When it runs. Once, now, when left out. */
  readonly trigger?: TriggerInput;
  /** The alias of the store that keeps it. @default 'default' */
  readonly store?: string;
  /** The alias of the executor that runs it. @default 'default' */
  readonly executor?: string;
  /** Words to find it by. */
  readonly tags?: readonly string[];
  /** The first run, whatever the trigger says; the trigger goes on from there. */
  readonly nextRunTime?: TimeInput;
  /** Whether it is added paused. @default false */
  readonly paused?: boolean;
  /** Whether a task with the same id is replaced as a whole, runs under way excepted. @default false */
  readonly replaceExisting?: boolean;
  /**
   * The caller's own transaction (a TypeORM `EntityManager`, a Mongoose `ClientSession`): the task is there when that
   * commits, and not when it rolls back. Only on stores that can.
   */
  readonly transaction?: unknown;
}

/**
 * A task to be added: what runs, with which arguments, when and how.
 *
 * @publicApi
 */
export type TaskOptions<
  Handlers = TaskHandlers,
  Name extends HandlerName<Handlers> = HandlerName<Handlers>,
> = TaskBaseOptions & { readonly handler: Name } & ArgsOption<HandlerArgs<Handlers, Name>>;

/**
 * What can be changed of a task. What is left out stays.
 *
 * @publicApi
 */
export interface TaskChanges extends TaskPolicyOptions {
  readonly name?: string;
  readonly handler?: string;
  readonly args?: readonly unknown[];
  /** A new trigger also sets the next run time. */
  readonly trigger?: TriggerInput;
  readonly executor?: string;
  readonly tags?: readonly string[];
  /** The next run, whatever the trigger says; the trigger goes on from there. */
  readonly nextRunTime?: TimeInput;
}

export const POLICY_OPTIONS: readonly (keyof TaskPolicyOptions)[] = [
  'coalesce',
  'maxCatchUp',
  'misfireGraceTime',
  'maxInstances',
  'overlap',
  'maxQueued',
  'delivery',
  'priority',
  'group',
  'groupLimit',
  'retry',
  'timeout',
  'pauseAfterFailures',
];

export const CHANGE_OPTIONS: readonly (keyof TaskChanges)[] = [
  'name',
  'handler',
  'args',
  'trigger',
  'executor',
  'tags',
  'nextRunTime',
  ...POLICY_OPTIONS,
];

export const TASK_OPTIONS: readonly (keyof TaskOptions)[] = [
  'id',
  ...CHANGE_OPTIONS,
  'store',
  'paused',
  'replaceExisting',
  'transaction',
];
