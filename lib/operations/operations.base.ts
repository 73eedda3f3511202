import { InvalidOptionError, rejectUnknownOptions } from '../errors/input.errors.js';
import type { Duration } from '../model/duration.js';
import { namesOf } from '../model/names.js';
import type { Scheduler } from '../scheduler/scheduler.js';
import type { AddTasksResult } from '../scheduler/tasks/adding.options.js';
import type { TaskTarget } from '../scheduler/tasks/control.options.js';
import type { RunInfo } from '../scheduler/tasks/run.info.js';
import type { TaskInfo } from '../scheduler/tasks/task.info.js';
import type { UpdateOptions } from '../scheduler/tasks/task.options.js';
import type { WaitOptions } from '../scheduler/tasks/run.waits.js';
import type { Serialized } from '../client/serialized.js';
import { serializeRun } from './serialize.js';
import { toMilliseconds } from '../time/inputs.js';

/** Options of `LocalOperations`. @publicApi */
export interface LocalOperationsOptions {
  /** Who asks: named by the tasks and runs that are changed. */
  readonly actor?: string;
  /** The longest `timeout` of a wait; any when left out. */
  readonly maxWait?: Duration;
}

/** A task that was added or changed. */
interface ChangedTask {
  readonly info: TaskInfo;
}

/** The methods that take what only the map of handlers of an application says: here, the scheduler checks it. */
interface UntypedChanges {
  addTask(options: any): Promise<ChangedTask>;
  addTasks(tasks: any): Promise<AddTasksResult>;
  upsertTask(options: any): Promise<ChangedTask>;
  updateTask(id: string, changes: any, options: UpdateOptions): Promise<ChangedTask>;
}

/** The scheduler of any application, whatever its handlers are. @publicApi */
export type AnyScheduler = Omit<Scheduler<any>, keyof UntypedChanges> & UntypedChanges;

const OPTIONS = namesOf<keyof LocalOperationsOptions>({ actor: 0, maxWait: 0 });

/** How long is waited at the most where a wait is bounded and says no `timeout`, in milliseconds. */
const USUAL_WAIT_MS = 30_000;

/** What all operations share. */
export abstract class OperationsBase {
  protected readonly scheduler: AnyScheduler;
  readonly #actor: string | undefined;
  readonly #maxWaitMs: number | null;

  constructor(scheduler: AnyScheduler, options: LocalOperationsOptions = {}) {
    rejectUnknownOptions('LocalOperations', options, OPTIONS);
    this.scheduler = scheduler;
    this.#actor = options.actor;
    this.#maxWaitMs = options.maxWait === undefined ? null : toMilliseconds(options.maxWait, 'maxWait', { min: 1 });
  }

  /** Who asks, and why. */
  protected asked(reason: string | undefined): { readonly actor?: string; readonly reason?: string } {
    return { ...given('actor', this.#actor), ...given('reason', reason) };
  }

  /** The `timeout` of a wait. @throws InvalidOptionError When it is longer than is allowed here. */
  protected waitOf(timeout: Duration | undefined): { readonly timeout?: number } {
    if (timeout === undefined) {
      return this.#maxWaitMs === null ? {} : { timeout: Math.min(USUAL_WAIT_MS, this.#maxWaitMs) };
    }
    const ms = toMilliseconds(timeout, 'timeout', { min: 0 });
    if (this.#maxWaitMs !== null && ms > this.#maxWaitMs) {
      throw new InvalidOptionError('timeout', timeout, `at most ${this.#maxWaitMs} ms; ask again after that`);
    }
    return { timeout: ms };
  }

  /** A run as it ended. */
  protected async endOf(runId: string, options: WaitOptions & TaskTarget): Promise<Serialized<RunInfo>> {
    return serializeRun(await this.scheduler.waitForRun(runId, options));
  }
}

/** An option where it is given. */
export function given<Key extends string, T>(key: Key, value: T | undefined): { readonly [K in Key]?: T } {
  return value === undefined ? {} : ({ [key]: value } as { readonly [K in Key]?: T });
}

/**
 * The input of an operation: an object with no other fields than these.
 *
 * @throws InvalidOptionError, UnknownOptionError
 */
export function checkInput<T extends object>(operation: string, input: T, names: readonly string[]): T {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    throw new InvalidOptionError(`input of ${operation}`, input, 'an object');
  }
  rejectUnknownOptions(operation, input, names);
  return input;
}

/** Texts that are parted by commas. @throws InvalidOptionError */
export function listOfTexts(option: string, value: string | undefined): readonly string[] | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'string') throw new InvalidOptionError(option, value, 'names that are parted by commas');
  return value.split(',').map((name) => name.trim());
}
