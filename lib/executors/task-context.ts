import { AsyncLocalStorage } from 'node:async_hooks';
import type { TaskDefinition } from '../model/definition.js';
import type { Logger } from '../model/logger.js';
import type { RunSource } from '../model/run.js';

/**
 * The context of a run: the last argument of every handler. Code that the handler calls gets it with
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

  /** Task id and scheduled time: the same on every node and for every attempt. Use it as an idempotency key. */
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
   * The fencing token: larger for every start of every run of the task. Pass it to the systems that the handler writes to,
   * and let them refuse a smaller one, so that a process that was frozen does not overwrite the work of its successor.
   */
  get token(): number {
    return this.run.token;
  }

  /** What made the run. */
  get source(): RunSource {
    return this.run.source;
  }

  /** How many other due times this run stands for. */
  get coalesced(): number {
    return this.run.coalesced;
  }

  /**
   * Aborted when the run is cancelled, exceeds its timeout, loses its lease, or is stopped by a shutdown. Its `reason` is an
   * error that says which. A long handler should obey it.
   */
  get signal(): AbortSignal {
    return this.run.signal;
  }

  /** A logger that names the task. */
  get log(): Logger {
    return this.run.log;
  }

  /** Emits `run.progress` with any value. */
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
 * The context of the run that the calling code is part of.
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
