import type { InjectionToken } from '@nestjs/common';
import { InvalidOptionError } from '../errors/input.errors.js';
import { checkHandlerOptions } from '../scheduler/loop/handler.registry.js';
import type { HandlerOptions } from '../scheduler/loop/handler.registry.js';
import type { GivenInput } from '../scheduler/tasks/task.input.js';
import type { TaskBaseOptions } from '../scheduler/tasks/task.options.js';
import type { TriggerOptions } from '../triggers/trigger.options.js';
import { createMethodDecorator, declarationError, nameOfMethod } from './method.marks.js';
import type { MarkedMethod } from './method.marks.js';
import { SCHEDULED_TASK_METADATA } from './tokens.js';

/** The decorator in messages. */
export const SCHEDULED_TASK = '@ScheduledTask';

/** A value, or a function of the injected providers that gives it. */
type Resolvable<T> = T | ((...injected: any[]) => T | Promise<T>);

type ResolvableOptions<T> = { readonly [K in keyof T]: Resolvable<T[K]> };

/** The options of a trigger type, flat beside its name. */
type FlatTrigger<T extends TriggerOptions> = T extends { readonly type: infer Type }
  ? { readonly trigger: Type } & ResolvableOptions<Omit<T, 'type'>>
  : never;

/** What `@ScheduledTask` takes beside the trigger. */
interface ScheduledTaskBaseOptions
  extends
    ResolvableOptions<Omit<TaskBaseOptions, 'id' | 'schemaVersion' | 'trigger' | 'transaction' | 'replaceExisting'>>,
    ResolvableOptions<GivenInput>,
    HandlerOptions {
  /**
   * The store keeps the task under it through all deploys. By default `Class.method`, so set it before you rename either.
   */
  readonly id?: string;
  /**
   * The ids that its task had in earlier versions of the code, the latest first: set them with a new `id`, or after you renamed the
   * class or the method. The task then goes on under the new one. See `docs/nestjs.md`.
   */
  readonly previousIds?: readonly string[];
  /** The name of the scheduler; the default one when left out. */
  readonly scheduler?: string;
  /** Providers that functions among the options get as arguments, in this order. */
  readonly inject?: readonly InjectionToken[];
  /** Whether its task is held: nothing of it starts until it is enabled here. See `docs/nestjs.md`. */
  readonly disabled?: Resolvable<boolean>;
}

/**
 * When and how a method runs: the type of a trigger with its options, and the policies. Every option except `id`,
 * `previousIds`, `scheduler`, `inject` and those of the handler (`HandlerOptions`) may be a function of the injected providers.
 *
 * @publicApi
 */
export type ScheduledTaskOptions = ScheduledTaskBaseOptions & FlatTrigger<TriggerOptions>;

/** What `@ScheduledTask` leaves on a method: its options, one entry for each decorator. */
export type ScheduledTaskMetadata = readonly ScheduledTaskOptions[];

/**
 * Schedules a provider's method. The task is added to the store when the application starts for the first time, and is
 * kept from then on: see `docs/nestjs.md` for what a changed, moved or removed declaration does.
 *
 * ```ts
 * @ScheduledTask({ trigger: 'cron', expression: '0 2 * * *', timezone: 'Europe/Lisbon' })
 * async nightly(context: TaskContext) {}
 *
 * @ScheduledTask({ trigger: 'cron', inject: [ConfigService], expression: (config: ConfigService) => config.get('CRON') })
 * async configured() {}
 * ```
 *
 * A method can have several decorators, each with its own `id`. Of a generator each run is a tick, up to the next `yield`: see
 * `docs/execution.md`, "Lifecycle tasks".
 *
 * @throws DeclarationError When it has no trigger, an option of the handler is refused, or it stands on what is no method of an
 *   instance.
 * @publicApi
 */
export function ScheduledTask(options: ScheduledTaskOptions): MethodDecorator {
  const mark = ({ target, key, method }: MarkedMethod): void => {
    if (typeof options !== 'object' || options === null || typeof options.trigger !== 'string') {
      const { trigger, id } = (options ?? {}) as { readonly trigger?: unknown; readonly id?: unknown };
      const cause = new InvalidOptionError('trigger', trigger, 'the type of a trigger');
      throw declarationError(SCHEDULED_TASK, nameOfMethod(target.constructor.name, key), cause, id);
    }
    try {
      checkHandlerOptions(options);
    } catch (error) {
      throw declarationError(SCHEDULED_TASK, nameOfMethod(target.constructor.name, key), error, options.id);
    }
    const others = (Reflect.getOwnMetadata(SCHEDULED_TASK_METADATA, method) ?? []) as ScheduledTaskMetadata;
    Reflect.defineMetadata(SCHEDULED_TASK_METADATA, [options, ...others], method);
  };
  return createMethodDecorator(SCHEDULED_TASK, mark, true);
}
