import { toJsonValue } from '../client/json.value.js';
import type { JsonValue } from '../client/json.value.js';
import type { EventMessage } from '../client/operation.results.js';
import type { Serialized } from '../client/serialized.js';
import { describeThrown } from '../errors/thrown.js';
import type { SchedulerEvent } from '../events/event.map.js';
import { toRunInfo } from '../scheduler/tasks/run.info.js';
import type { AnyRunInfo } from '../scheduler/tasks/run.info.js';
import type { RunRecord } from '../model/run.js';
import type { AnyTaskInfo } from '../scheduler/tasks/task.info.js';

/** How long the arguments of a task of a list, and what an event carries, are at the most, in characters. */
export const SHORT = 2_000;

/** How long the arguments of one task, and the result of one run, are at the most, in characters. */
export const LONG = 1_000_000;

/** Data of this library as JSON: its times become text. What holds values of users goes through `toJsonValue` instead. */
export function serialize<T>(value: T): Serialized<T> {
  return write(value) as Serialized<T>;
}

function write(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map(write);
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, write(one)]));
}

/** @param maxLength How long its arguments may be; longer ones are omitted. */
export function serializeTask<T extends AnyTaskInfo>(task: T, maxLength: number = LONG): Serialized<T> {
  if (!('args' in task)) return serialize(task);
  const { args, data, ...rest } = task;
  const written = toJsonValue(args, maxLength);
  return {
    ...(serialize(rest) as object),
    args: Array.isArray(written) ? written : [written],
    data: toJsonValue(data, maxLength),
  } as Serialized<T>;
}

/** @param maxLength How long its result may be; a longer one is omitted. */
export function serializeRun<T extends AnyRunInfo>(run: T, maxLength: number = LONG): Serialized<T> {
  if (!('result' in run)) return serialize(run);
  const { result, ...rest } = run;
  return {
    ...(serialize(rest) as object),
    result: result === undefined ? null : toJsonValue(result, maxLength),
  } as Serialized<T>;
}

/** The fields of events that hold what code of others has made. */
const OF_OTHERS: Readonly<Record<string, (value: unknown) => unknown>> = {
  run: (run) => serializeRun(toRunInfo(run as RunRecord), SHORT),
  error: (error) => (error === null ? null : describeThrown(error)),
  value: (value) => toJsonValue(value, SHORT),
};

export function serializeEvent(event: SchedulerEvent): EventMessage {
  const fields = Object.entries(event).map(([key, value]) => [
    key,
    Object.hasOwn(OF_OTHERS, key) ? OF_OTHERS[key]!(value) : (write(value) as JsonValue),
  ]);
  return Object.fromEntries(fields) as EventMessage;
}
