import type { EndedRunEvent, SchedulerEvent, SchedulerEventName } from '../../events/event.map.js';
import type { UnstoredResult } from '../../model/unstored-result.js';
import type { RunInfo } from './run.info.js';
import type { HandlerName, TaskHandlers } from './task.options.js';

/** What a handler returns, awaited. @publicApi */
export type HandlerResult<Handlers, Name> = keyof Handlers extends never
  ? unknown
  : Name extends keyof Handlers
    ? Handlers[Name] extends (...args: never[]) => infer Result
      ? Awaited<Result>
      : unknown
    : unknown;

/**
 * A result as the history gives it back: a note where it could not be stored, undefined where there is none, such as after a failure
 * or with `keepResult: false`.
 *
 * @publicApi
 */
export type StoredResult<Result> = unknown extends Result ? unknown : Result | UnstoredResult | undefined;

/**
 * An ended run of a handler: its `result` has the type that the handler returns.
 *
 * @publicApi
 */
export type HandlerRun<Handlers, Name> = RunInfo<StoredResult<HandlerResult<Handlers, Name>>>;

/**
 * An event as the listeners of a scheduler with a map of handlers get it: `handler` tells which type `run.result` has.
 *
 * @publicApi
 */
export type HandlerEvent<
  Name extends SchedulerEventName = SchedulerEventName,
  Handlers = TaskHandlers,
> = keyof Handlers extends never ? SchedulerEvent<Name> : WithResult<SchedulerEvent<Name>, Handlers>;

type WithResult<Event, Handlers> = Event extends EndedRunEvent
  ? {
      [Name in HandlerName<Handlers>]: Omit<Event, 'handler' | 'run'> & {
        readonly handler: Name;
        readonly run: Event['run'] & { readonly result: StoredResult<HandlerResult<Handlers, Name>> };
      };
    }[HandlerName<Handlers>]
  : Event;
