import type { RunSource, RunStatus } from '../../model/run.js';

/** What is said of the adding of tasks. */
export interface TracedAdd {
  readonly operation: 'addTask' | 'addTasks' | 'upsertTask';
  /** The handler, where it is one task. */
  readonly handler: string | null;
  readonly taskId: string | null;
  readonly store: string | null;
  /** How many tasks. */
  readonly count: number;
}

/** What is said of an attempt. */
export interface TracedRun {
  readonly taskId: string;
  readonly runId: string;
  readonly handler: string;
  readonly store: string;
  readonly source: RunSource;
  readonly attempt: number;
  /** Milliseconds since the epoch. */
  readonly scheduledTime: number;
  /** What the task carries: the `traceparent` of the span under which it was added; undefined for none. */
  readonly addedUnder: string | undefined;
}

/** The span of one attempt. */
export interface RunSpan {
  /** What is passed on to other systems, as the W3C header has it; null where nobody follows the run. */
  readonly traceparent: string | null;
  /** Calls a function within the span. */
  call<T>(work: () => T): T;
  /** Calls a step of the run within a span of its own, below this one. */
  step<T>(name: string, work: () => Promise<T>): Promise<T>;
  /** @param error What the handler has thrown, or why the run was aborted. */
  end(status: RunStatus | 'suspended', error: unknown): void;
}

/** Makes spans of what a scheduler does. None of its methods throws by itself. */
export interface Tracing {
  /** Does work that adds tasks within a span. @param idOf Finds the id of what was added, where it is one task. */
  add<T>(what: TracedAdd, work: () => Promise<T>, idOf?: (added: T) => string): Promise<T>;
  /** What a task that is made now carries: the `traceparent` of the span of {@link add}; undefined for none. */
  carried(): string | undefined;
  /** An attempt begins. */
  run(run: TracedRun): RunSpan;
}
