import { RunCancelledError, ShutdownError } from '../../errors/run.errors.js';
import { TaskContext } from '../../executors/task-context.js';
import { keyOf } from '../../model/run.js';
import type { CancelRequest, LeaseRef, LiveRun } from '../../model/run.js';
import type { TaskRecord } from '../../model/task.js';
import type { RunEnd } from '../plan/end.plan.js';
import type { EndAnswer } from './end.step.js';
import type { HeldRun, RunOutcome } from './held.run.js';
import { endOf, givenBack } from './run.end.js';
import type { RunServices } from './run.services.js';

/** What the runs of a loop need of it. */
interface RunListener {
  /** Has the store write an end. Resolves with what became of it; null when the loop was closed before. */
  offer(end: RunEnd): Promise<EndAnswer | null>;
  /** Finds out why an end was refused, in words. Never rejects. */
  whyRefused(lease: LeaseRef): Promise<string>;
  /** Keeps an end whose task is gone. Never rejects. */
  keepOrphaned(end: RunEnd): Promise<boolean>;
  /** Gives up a lease that a run needed beside its own. */
  giveUp(lease: LeaseRef): void;
  /** An executor has room again. */
  freed(): void;
  /** A run is not held any more. `task` is its task as it now is; null where that is gone or not known. */
  released(run: HeldRun, task: TaskRecord | null): void;
}

/** Carries out the runs that one store's loop has claimed. */
export class RunExecution {
  /** The runs whose handler is under way, by key. */
  readonly active = new Map<string, HeldRun>();
  /** These, and the ended ones whose end the store has not taken yet: what this process holds a lease of. */
  readonly held = new Map<string, HeldRun>();
  #idle: (() => void)[] = [];

  constructor(
    private readonly services: RunServices,
    private readonly loop: RunListener,
  ) {}

  /** Starts a run. */
  start(run: HeldRun): void {
    void this.#carryOut(run);
  }

  /**
   * Gives back a run that was claimed and is not started, so that another scheduler goes on with it at once. Without that it
   * would be taken for one that a dead scheduler has lost.
   */
  giveBack(run: HeldRun): void {
    for (const lease of run.extraLeases) this.loop.giveUp(lease);
    run.hasEnded = true;
    this.held.set(run.key, run);
    void this.loop
      .offer(givenBack(run, this.services.storeClock.now()))
      .then((answer) => this.#release(run, answer?.task ?? null));
  }

  /** Whether a run is held here, and whether it was given up: see `Holder`. */
  holdOn({ id: runId, token }: LiveRun): 'held' | 'aborted' | null {
    const run = this.held.get(keyOf({ runId, token }));
    return run ? (run.isFenced ? 'aborted' : 'held') : null;
  }

  /** A run, from its start to its history. */
  async #carryOut(run: HeldRun): Promise<void> {
    this.#begin(run);
    const outcome = await run.outcome(this.#invoke(run));
    this.#free(run);
    // What was done counts unless another scheduler has taken the run over meanwhile, which the store knows.
    if (run.isFenced && outcome.status !== 'succeeded') {
      // Where its task is gone there is nobody who has taken it over.
      await this.loop.keepOrphaned(endOf(run, outcome, this.services));
      return this.#release(run, null);
    }
    const end = endOf(run, outcome, this.services);
    if (end.record?.status === 'failed') this.#logFailure(run, outcome);
    const answer = await this.loop.offer(end);
    this.#release(run, answer?.task ?? null);
    if (answer) this.#emit(run, end, outcome, answer);
  }

  #begin(run: HeldRun): void {
    this.active.set(run.key, run);
    this.held.set(run.key, run);
    this.services.events.emit('run.submitted', () => ({ ...run.event(), coalesced: run.coalesced }));
  }

  /** Async, since an executor of the user's own may throw instead of rejecting. */
  async #invoke(run: HeldRun): Promise<unknown> {
    const { handlers, executors, events } = this.services;
    const { handler, args, executor } = run.task;
    const context = new TaskContext(run);
    const invoke = () => {
      events.emit('run.started', () => ({ ...run.event(), token: run.token }));
      return handlers.get(handler)(args, context);
    };
    return executors.get(executor).execute({ context, handler, args, invoke });
  }

  #free(run: HeldRun): void {
    this.active.delete(run.key);
    run.hasEnded = true;
    for (const lease of run.extraLeases) this.loop.giveUp(lease);
    this.loop.freed();
    if (this.active.size === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }

  #release(run: HeldRun, task: TaskRecord | null): void {
    this.held.delete(run.key);
    this.loop.released(run, task);
  }

  #logFailure({ run, task }: HeldRun, { error }: RunOutcome): void {
    this.services.logger.error(`The run "${run.id}" of handler "${task.handler}" failed`, error);
  }

  #emit(run: HeldRun, { record, retryAt }: RunEnd, { error }: RunOutcome, { outcome, task }: EndAnswer): void {
    const { events, alias: store } = this.services;
    const { id: taskId } = run.record;
    if (outcome === 'refused') {
      void this.#reportRefusal(run);
      if (!run.isFenced) events.emit('run.fenced', { ...run.event(), token: run.token });
      return;
    }
    if (record) {
      const ended = () => ({ ...run.event(), run: record });
      if (record.status === 'succeeded') events.emit('run.succeeded', ended);
      else if (record.status === 'failed') {
        events.emit('run.failed', () => ({ ...ended(), error, willRetry: retryAt !== null && outcome !== 'kept' }));
      } else events.emit('run.cancelled', () => ({ ...ended(), error }));
    }
    if (outcome === 'kept') return;
    if (!task) events.emit('task.removed', { taskId, store, reason: 'finished' });
    else if (outcome === 'paused') {
      events.emit('task.paused', { taskId, store, actor: null, reason: task.state.pause?.reason ?? null });
    }
  }

  async #reportRefusal(run: HeldRun): Promise<void> {
    const reason = await this.loop.whyRefused(run.lease);
    this.services.logger.warn(`The end of run "${run.runId}" was refused: ${reason}`);
  }

  /** Reports a run whose lease is lost while its handler is under way. */
  fence(run: HeldRun): void {
    this.services.logger.warn(`The lease of run "${run.runId}" is lost; its signal is aborted`);
    this.services.events.emit('run.fenced', { ...run.event(), token: run.token });
  }

  /** Resolves when no handler is under way. */
  async drained(): Promise<void> {
    if (this.active.size > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  /** Aborts every run under way because of a shutdown. */
  abortAll(): void {
    for (const run of this.active.values()) run.abort(new ShutdownError(run.runId));
  }

  /** Aborts a run if it is under way here. Returns whether it is. */
  cancel(runId: string, request: CancelRequest): boolean {
    let isHere = false;
    for (const run of this.active.values()) {
      if (run.runId !== runId) continue;
      run.abort(new RunCancelledError(runId, request));
      isHere = true;
    }
    return isHere;
  }
}
