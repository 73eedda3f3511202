import { RunCancelledError, ShutdownError } from '../../errors/run.errors.js';
import type { EventDispatcher } from '../../events/event.dispatcher.js';
import type { SchedulerEventMap } from '../../events/event.map.js';
import { TaskContext } from '../../executors/task-context.js';
import type { Clock } from '../../model/clock.js';
import type { Logger } from '../../model/logger.js';
import type { CancelRequest, LiveRun, RunRecord, RunStatus } from '../../model/run.js';
import type { TaskRecord } from '../../model/task.js';
import type { ClaimedTask, FinishResult, LeaseRef, RunResult } from '../../stores/store.interface.js';
import type { TriggerCache } from '../../triggers/trigger.cache.js';
import { ActiveRun } from './held.run.js';
import type { ExecutorRegistry } from './executor.registry.js';
import { slotResult } from './group.slots.js';
import type { HandlerRegistry } from './handler.registry.js';
import type { BackoffRegistry } from './backoff.registry.js';
import { notRun, toRunError } from '../plan/ended-run.js';
import type { StoreClock } from '../../time/store.clock.js';

/** What a run needs of its scheduler. */
export interface RunServices {
  readonly alias: string;
  readonly identity: string;
  readonly clock: Clock;
  readonly storeClock: StoreClock;
  readonly logger: Logger;
  readonly events: EventDispatcher;
  readonly executors: ExecutorRegistry;
  readonly handlers: HandlerRegistry;
  readonly backoffs: BackoffRegistry;
  readonly triggers: TriggerCache;
}

/** Carries out the runs that one store's loop has claimed, and reports how each ended. */
export class RunManager {
  /** The runs under way, by run id and token. */
  readonly active = new Map<string, ActiveRun>();
  /** These, and the ended ones whose result the store has not taken yet: what this process holds a lease of. */
  readonly held = new Map<string, ActiveRun>();
  #idle: (() => void)[] = [];
  /** What to tell of a run once the store has taken its result. */
  readonly #ended = new Map<string, RunEndEvent>();

  /**
   * @param finish Takes the result of a run.
   * @param freed Is told that an executor has room again.
   */
  constructor(
    private readonly services: RunServices,
    private readonly finish: (result: RunResult) => void,
    private readonly freed: () => void,
  ) {}

  /**
   * Starts the runs of a claim, and tells of what the claim recorded without running.
   *
   * @param claimedAt When the store was asked, on the monotonic clock.
   * @param slots The slots of its group that its runs use, in their order.
   */
  start({ task, start, history, id }: ClaimedTask, claimedAt: number, slots: readonly (LeaseRef | null)[] = []): void {
    for (const record of history) this.#emitNotRun(record);
    if (task?.state.problem && task.state.problem.at === task.state.updatedAt) {
      const { problem } = task.state;
      this.services.logger.warn(`The task "${id}" is put off (${problem.code}): ${problem.message}`);
      this.services.events.emit('task.problem', { taskId: id, store: this.services.alias, problem });
    }
    if (!task) {
      this.services.events.emit('task.removed', { taskId: id, store: this.services.alias, reason: 'finished' });
      return;
    }
    for (const [at, run] of start.entries()) {
      this.#begin(new ActiveRun(task, run, this.services.clock, claimedAt, slots[at]));
    }
  }

  /** Resolves when no run is under way. */
  async drained(): Promise<void> {
    if (this.active.size > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  /** Aborts every run under way because of a shutdown. */
  abortAll(): void {
    for (const active of this.active.values()) active.abort(new ShutdownError(active.run.id));
  }

  /** Aborts a run if it is under way here. Returns whether it is. */
  cancel(runId: string, request: CancelRequest): boolean {
    let found = false;
    for (const active of this.active.values()) {
      if (active.run.id !== runId) continue;
      active.abort(new RunCancelledError(runId, request));
      found = true;
    }
    return found;
  }

  /** Tells of the results that the store has taken or refused. */
  settled({ settled, refused }: FinishResult): void {
    const { events, alias: store, logger } = this.services;
    for (const { taskId, runId, token, task, paused } of settled) {
      const ended = this.#take(runId, token);
      if (ended) events.emit(ended.name, ended.payload as never);
      if (!task) events.emit('task.removed', { taskId, store, reason: 'finished' });
      else if (paused)
        events.emit('task.paused', { taskId, store, actor: null, reason: task.state.pause?.reason ?? null });
    }
    for (const { runId, token, taskId } of refused) {
      const ended = this.#take(runId, token);
      logger.warn(`What the run "${runId}" ended with was refused: another scheduler has it, or its task is gone`);
      if (ended) events.emit('run.fenced', { ...ended.run, token });
      else this.services.logger.debug(`Nothing is known here of run "${runId}" of task "${taskId}"`);
    }
  }

  /** Tells that a run has lost its lease. */
  fenced(active: ActiveRun): void {
    this.services.logger.warn(`The lease of run "${active.run.id}" is lost; its signal is aborted`);
    this.services.events.emit('run.fenced', { ...this.#runEvent(active.task, active.run), token: active.run.token });
  }

  #begin(active: ActiveRun): void {
    const { task, run } = active;
    const { events, executors, handlers, logger, alias: store } = this.services;
    const { definition } = task;
    const base = this.#runEvent(task, run);
    this.active.set(active.key, active);
    this.held.set(active.key, active);
    events.emit('run.submitted', { ...base, coalesced: run.coalesced });
    const context = new TaskContext({
      task: definition,
      store,
      runId: run.id,
      scheduledTime: run.scheduledTime,
      attempt: run.attempt,
      token: run.token,
      source: run.source,
      coalesced: run.coalesced,
      get signal() {
        return active.signal;
      },
      get log() {
        return prefixed(logger, `[${definition.id}] `);
      },
      progress: (value) => events.emit('run.progress', { ...base, value }),
    });
    const invoke = () => {
      events.emit('run.started', { ...base, token: run.token });
      return handlers.get(definition.handler)(definition.args, context);
    };
    const job = { context, handler: definition.handler, args: definition.args, invoke };
    // An executor of the user's own may throw instead of rejecting.
    const handler = (async () => executors.get(definition.executor).execute(job))();
    void active.outcome(handler).then(
      (result) => this.#end(active, 'succeeded', null, result),
      (error: unknown) => this.#end(active, statusOf(active), error, undefined),
    );
  }

  #end(active: ActiveRun, status: RunStatus, error: unknown, result: unknown): void {
    this.active.delete(active.key);
    active.ended = true;
    this.freed();
    if (active.fenced) this.held.delete(active.key);
    else this.#report(active, status, error, result);
    if (active.slot) this.finish(slotResult(active.slot));
    if (this.active.size === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }

  #report(active: ActiveRun, status: RunStatus, error: unknown, result: unknown): void {
    const { task, run } = active;
    const now = this.services.storeClock.now();
    const base = this.#runEvent(task, run);
    const atLeastOnce = task.definition.policies.delivery === 'at-least-once';
    if (status === 'cancelled' && active.aborted instanceof ShutdownError && atLeastOnce) {
      // Given back unfinished: another replica goes on at once.
      this.finish({ taskId: task.id, runId: run.id, token: run.token, record: null, retryAt: now });
      return;
    }
    const failed = error !== null || status !== 'succeeded';
    const retryAt = status === 'failed' ? this.#retryAt(active, error, now) : null;
    const record: RunRecord = {
      ...notRun(task, run, status, now),
      dead: status === 'failed' && retryAt === null,
      error: failed ? toRunError(error) : null,
      result,
      cancel: active.aborted instanceof RunCancelledError ? active.aborted.request : null,
    };
    if (status === 'succeeded')
      this.#note(run, { name: 'run.succeeded', payload: { ...base, run: record }, run: base });
    else if (status === 'failed') {
      this.services.logger.error(`The run "${run.id}" of handler "${task.definition.handler}" failed`, error);
      const payload = { ...base, run: record, error, willRetry: retryAt !== null };
      this.#note(run, { name: 'run.failed', payload, run: base });
    } else this.#note(run, { name: 'run.cancelled', payload: { ...base, run: record, error }, run: base });
    this.finish({
      taskId: task.id,
      runId: run.id,
      token: run.token,
      record,
      retryAt,
      ...(retryAt === null && run.source === 'schedule' && this.#next(task, now)),
    });
  }

  /** What comes after the run, for triggers that count from its end. */
  #next(task: TaskRecord, now: number): Pick<RunResult, 'next'> {
    if (task.state.exhausted) return {};
    try {
      const trigger = this.services.triggers.get(task.definition.trigger);
      return trigger.advance === 'completion' ? { next: trigger.nextOccurrence(now, now, { taskId: task.id }) } : {};
    } catch (error) {
      // The claim that comes next finds the same fault and reports it.
      this.services.logger.error(`The trigger of task "${task.id}" failed`, error);
      return {};
    }
  }

  #retryAt({ task, run }: ActiveRun, error: unknown, now: number): number | null {
    try {
      if (!this.services.handlers.isRetryable(task.definition.handler, error)) return null;
      const delay = this.services.backoffs.delayAfter(task.definition.policies.retry, run.attempt, error);
      return delay === null ? null : now + delay;
    } catch (fault) {
      this.services.logger.error(`The back-off of task "${task.id}" failed; the run is not tried again`, fault);
      return null;
    }
  }

  #emitNotRun(record: RunRecord): void {
    const name = `run.${record.status}` as 'run.missed' | 'run.skipped' | 'run.lost';
    this.services.events.emit(name, {
      taskId: record.taskId,
      store: this.services.alias,
      runId: record.id,
      handler: record.handler,
      source: record.source,
      scheduledTime: new Date(record.scheduledTime),
      attempt: record.attempt,
      run: record,
      // A dead run that somebody had asked to cancel.
      ...(record.status === 'cancelled' && { error: null }),
    });
  }

  #runEvent(task: TaskRecord, run: LiveRun) {
    return {
      taskId: task.id,
      store: this.services.alias,
      runId: run.id,
      handler: task.definition.handler,
      source: run.source,
      scheduledTime: new Date(run.scheduledTime),
      attempt: run.attempt,
    };
  }

  #note(run: LiveRun, event: RunEndEvent): void {
    this.#ended.set(`${run.id}/${run.token}`, event);
  }

  #take(runId: string, token: number): RunEndEvent | undefined {
    const key = `${runId}/${token}`;
    const ended = this.#ended.get(key);
    this.#ended.delete(key);
    this.held.delete(key);
    return ended;
  }
}

interface RunEndEvent {
  readonly name: 'run.succeeded' | 'run.failed' | 'run.cancelled';
  readonly payload: SchedulerEventMap['run.succeeded' | 'run.failed' | 'run.cancelled'];
  readonly run: Omit<SchedulerEventMap['run.started'], 'token'>;
}

/** An abort that the handler obeyed is no failure of the handler; a timeout is one. */
function statusOf(active: ActiveRun): RunStatus {
  return active.aborted instanceof RunCancelledError || active.aborted instanceof ShutdownError
    ? 'cancelled'
    : 'failed';
}

function prefixed(logger: Logger, prefix: string): Logger {
  return {
    debug: (message) => logger.debug(prefix + message),
    info: (message) => logger.info(prefix + message),
    warn: (message) => logger.warn(prefix + message),
    error: (message, error) => logger.error(prefix + message, error),
  };
}
