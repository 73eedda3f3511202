import { AsyncLocalStorage } from 'node:async_hooks';
import type { TaskDefinition } from '../model/definition.js';
import type { Logger } from '../model/logger.js';
import type { RunSource } from '../model/run.js';

/**
 * What a handler knows about its run. It is the last argument of every handler, and code below can ask for it with
 * {@link currentTaskContext}.
 *
 * @publicApi
 */
export class TaskContext {
  /** @internal */
  constructor(private readonly run: TaskContextSource) {}

  /** The task: its id, name, handler and tags. */
  get task(): Pick<TaskDefinition, 'id' | 'name' | 'handler' | 'tags'> {
    return this.run.task;
  }

  /** The alias of the store that the task is kept in. */
  get store(): string {
    return this.run.store;
  }

  /** The same on every node and for every attempt: task id and scheduled time. Good as an idempotency key. */
  get runId(): string {
    return this.run.runId;
  }

  /** The time that the run is for, which may be earlier than now. */
  get scheduledTime(): Date {
    return new Date(this.run.scheduledTime);
  }

  /** From 1; larger when an earlier attempt failed or its process died. */
  get attempt(): number {
    return this.run.attempt;
  }

  /**
   * The fencing token: larger for every start of every run of the task. Hand it to what the handler writes to, and let
   * that refuse a smaller one, so that a process that was frozen writes nothing over the work of its successor.
   */
  get token(): number {
    return this.run.token;
  }

  /** What made the run. */
  get source(): RunSource {
    return this.run.source;
  }

  /** How many other due times were folded into this run. */
  get coalesced(): number {
    return this.run.coalesced;
  }

  /**
   * Aborted when the run is cancelled, takes too long, loses its lease, or has to give way to a shutdown. Its `reason` is
   * an error that tells which. A handler that takes long should obey it.
   */
  get signal(): AbortSignal {
    return this.run.signal;
  }

  /** A logger that names the task. */
  get log(): Logger {
    return this.run.log;
  }

  /** Reports how far the run is: any value; listeners get it as `run.progress`. */
  progress(value: unknown): void {
    this.run.progress(value);
  }
}

/** What a {@link TaskContext} is made from. */
export interface TaskContextSource {
  readonly task: Pick<TaskDefinition, 'id' | 'name' | 'handler' | 'tags'>;
  readonly store: string;
  readonly runId: string;
  readonly scheduledTime: number;
  readonly attempt: number;
  readonly token: number;
  readonly source: RunSource;
  readonly coalesced: number;
  readonly signal: AbortSignal;
  readonly log: Logger;
  readonly progress: (value: unknown) => void;
}

const storage = new AsyncLocalStorage<TaskContext>();

/**
 * The context of the run that the calling code is part of, without passing it on.
 *
 * @returns undefined outside of a run.
 * @publicApi
 */
export function currentTaskContext(): TaskContext | undefined {
  return storage.getStore();
}

/** Calls `work` as part of a run. */
export function runInTaskContext<T>(context: TaskContext, work: () => T): T {
  return storage.run(context, work);
}
