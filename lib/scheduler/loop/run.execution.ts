import { promiseOf } from '../../errors/returned.js';
import { LeaseLostError, RunCancelledError, ShutdownError } from '../../errors/run.errors.js';
import type { HandlerCall } from '../../executors/executor.interface.js';
import { TaskContext } from '../../executors/task-context.js';
import type { CancelRequest, LeaseRef, LiveRun } from '../../model/run.js';
import type { TaskRecord } from '../../model/task.js';
import type { RunEnd } from '../plan/end.plan.js';
import { isLastChance } from '../plan/failed.run.js';
import { AbandonedHandlers } from './abandoned.handlers.js';
import { EndAnnouncer } from './end.announcer.js';
import type { EndAnswer } from './end.answer.js';
import type { HeldRun, RunCarrier } from './held.run.js';
import { returnedBy } from './run.outcome.js';
import type { RunOutcome } from './run.outcome.js';
import type { HeldTasks } from './held.tasks.js';
import { LimitedLines } from './limited.lines.js';
import { endOf, failedEnd, givenBack } from './run.end.js';
import { measureCall, tracedRun } from './observed.run.js';
import type { RunServices } from './run.services.js';
import { warnOfLate } from './run.warnings.js';
import { RunStepping } from './run.stepping.js';
import type { StepKeeping } from './run.stepping.js';
import type { RunSteps } from './run.steps.js';

/** What the runs of a loop need of it. */
interface RunListener {
  /** Has the store write an end, and says what became of it; null when the loop was closed before. */
  offer(end: RunEnd, answered: (answer: EndAnswer | null) => void): void;
  /** Finds out why an end was refused, in words. Never rejects. */
  whyRefused(lease: LeaseRef): Promise<string>;
  /** Keeps an end whose task is gone. Never rejects. */
  keepOrphaned(end: RunEnd): Promise<boolean>;
  /** Gives up a lease that a run needed beside its own. */
  giveUp(lease: LeaseRef): void;
  /** A handler has ended that had still run although its run was over. */
  handlerEnded(): void;
  /** Whether the lease of a run still holds, as far as this process knows. */
  holds(run: HeldRun): boolean;
  /** The lease of a run is found to be lost. */
  leaseLost(run: HeldRun): void;
  /** Where, and for how long, steps of handlers are kept. */
  readonly keeping: StepKeeping;
  /** A run is not held any more. `task` is its task as it now is; null where that is gone or not known. */
  released(task: TaskRecord | null): void;
  /** A run has ended that somebody had asked for. */
  askedForEnded(): void;
}

/** Carries out the runs that one store's loop has claimed. */
export class RunExecution implements RunCarrier {
  /** How many handlers are under way, but for those of {@link abandoned}. */
  activeCount = 0;
  /** The handlers that still run although their runs are over. */
  readonly abandoned: AbandonedHandlers;
  readonly #leases: LimitedLines;
  readonly #stepping: RunStepping;
  readonly #announcer: EndAnnouncer;
  #idle: (() => void)[] = [];

  constructor(
    private readonly services: RunServices,
    private readonly runs: HeldTasks,
    private readonly loop: RunListener,
  ) {
    const more = (count: number) => `${count} more leases of runs in store "${services.alias}" were lost`;
    this.#leases = new LimitedLines(services.clock, (...line) => services.logger.warn(...line), more);
    this.#stepping = new RunStepping({ ...services, ...loop.keeping, tasks: runs, leases: loop });
    this.#announcer = new EndAnnouncer(services, this.#leases, loop);
    this.abandoned = new AbandonedHandlers(services, () => {
      services.executors.freed();
      loop.handlerEnded();
    });
  }

  /** Starts a run: its handler is called before this returns, and may have ended. */
  start(run: HeldRun): void {
    this.activeCount += 1;
    this.runs.start(run);
    this.services.events.emit('run.submitted', () => ({ ...run.event(), coalesced: run.coalesced }));
    run.begin(this);
    try {
      const result = this.#execute(run);
      const promise = promiseOf(result);
      if (promise) promise.then(run.returned, run.threw);
      else run.returned(result);
    } catch (error) {
      run.threw(error);
    }
  }

  /**
   * Gives back a run that was claimed and is not started, so that another scheduler goes on with it at once. Without that it
   * would be taken for one that a dead scheduler has lost.
   */
  giveBack(run: HeldRun): void {
    for (const lease of run.extraLeases) this.loop.giveUp(lease);
    run.hasEnded = true;
    this.runs.start(run);
    this.loop.offer(givenBack(run, this.services.storeClock.now()), (answer) =>
      this.#release(run, answer?.task ?? null),
    );
  }

  /**
   * Whether a run is held here, and whether it was given up: see `Holder`.
   *
   * @param leaseMs How long a lease holds, in milliseconds: a handler whose lease was not renewed for as long is about to be aborted.
   */
  holdOn(taskId: string, { id: runId, token }: LiveRun, leaseMs: number): 'held' | 'aborted' | null {
    const run = this.runs.find({ taskId, runId, token });
    if (!run) return null;
    const isOver = !run.hasEnded && this.services.clock.monotonic() - run.renewedAt >= leaseMs;
    return run.isFenced || isOver ? 'aborted' : 'held';
  }

  /** The runs whose handler is under way. */
  *active(): Iterable<HeldRun> {
    for (const run of this.runs) if (!run.hasEnded) yield run;
  }

  /** Whether a run is under way, or about to be, whose next loss is its last. */
  hasLastChance(): boolean {
    for (const run of this.runs.held()) if (!run.hasEnded && isLastChance(run, run.task.policies)) return true;
    return false;
  }

  #execute(run: HeldRun): unknown {
    const { handlers, executors, events, observed } = this.services;
    const { handler, args, input, schemaVersion, executor } = run.task;
    const context = new TaskContext(run);
    const invoke = (call?: HandlerCall) => {
      // The handler before this one may have blocked the process, and an executor may have let this one wait.
      if (run.isFenced || !this.loop.holds(run)) {
        run.isTooLate = true;
        throw new LeaseLostError(run.runId);
      }
      run.called();
      events.emit('run.started', () => ({ ...run.event(), token: run.token }));
      const code = call ?? handlers.get(handler).call;
      if (observed.meter) measureCall(run, observed.meter, this.services);
      if (!observed.tracing) return this.#call(run, code, context);
      run.span = observed.tracing.run(tracedRun(run));
      return run.span.call(() => this.#call(run, code, context));
    };
    return executors.get(executor).execute({ context, handler, args, input, schemaVersion, invoke });
  }

  /** Calls a handler, with what its schema makes of the arguments. A schema that answers at once is not awaited. */
  #call(run: HeldRun, code: HandlerCall, context: TaskContext): unknown {
    const schema = this.services.handlers.schemaOf(run.task.handler);
    if (schema === null) return returnedBy(code(run.task.args, context));
    const args = schema.argsOf(run.task);
    if (!(args instanceof Promise)) return returnedBy(code(args, context));
    return args.then((checked) => {
      // The run may have been given up while the schema worked.
      if (run.aborted) throw run.aborted;
      return returnedBy(code(checked, context));
    });
  }

  /** A run is over: its end is made, offered to the store, and told of. */
  ended(run: HeldRun, outcome: RunOutcome): void {
    if (run.calledAt !== null) run.measuredMs = this.services.clock.monotonic() - run.calledAt;
    run.span?.end(outcome.status, outcome.error);
    if (run.isAbandoned) this.abandoned.add(run);
    // One that waited in its executor until it was aborted is not over, unless it was cancelled: it has not begun.
    if (!run.isCalled && run.aborted && !(run.aborted instanceof RunCancelledError)) run.isTooLate = true;
    this.#free(run);
    if (run.settled) {
      const { end, answer } = run.settled;
      warnOfLate(run, 'ended in a transaction', outcome.error, this.services);
      this.#answered(run, end, outcome, answer);
      return;
    }
    // What was done counts unless another scheduler has taken the run over meanwhile, which the store knows.
    if (run.isFenced && outcome.status !== 'succeeded' && !run.isTooLate) {
      // Where its task is gone there is nobody who has taken it over.
      void this.loop.keepOrphaned(this.#endOf(run, outcome)).then(() => this.#release(run, null));
      return;
    }
    const end = this.#endOf(run, outcome);
    if (end.record?.status === 'failed') this.#logFailure(run, outcome);
    else if (end.sleep) warnOfLate(run, 'was put off', outcome.error, this.services);
    this.loop.offer(end, (answer) => this.#answered(run, end, outcome, answer));
  }

  handlerEnded(run: HeldRun): void {
    this.abandoned.ended(run);
  }

  stepsOf(run: HeldRun): RunSteps {
    return this.#stepping.stepsOf(run);
  }

  said(run: HeldRun): void {
    this.#stepping.output.said(run);
  }

  /** However an end is made, one is made: a run without one would be renewed for ever. */
  #endOf(run: HeldRun, outcome: RunOutcome): RunEnd {
    if (run.isTooLate) {
      this.#leases.add(`The run "${run.runId}" was not started in time; it is left to other schedulers`, run.logFields);
      return givenBack(run, this.services.storeClock.now());
    }
    try {
      return endOf(run, outcome, this.services);
    } catch (error) {
      this.services.logger.error(
        `The end of run "${run.runId}" could not be made; it is recorded as failed`,
        error,
        run.logFields,
      );
      return failedEnd(run, error, this.services.storeClock.now());
    }
  }

  #free(run: HeldRun): void {
    this.activeCount -= 1;
    run.hasEnded = true;
    this.#stepping.output.ended(run);
    for (const lease of run.extraLeases) this.loop.giveUp(lease);
    this.services.executors.freed();
    if (this.activeCount === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }

  #answered(run: HeldRun, end: RunEnd, outcome: RunOutcome, answer: EndAnswer | null): void {
    this.#release(run, answer?.task ?? null);
    if (answer) this.#announcer.announce(run, end, outcome, answer);
  }

  #release(run: HeldRun, task: TaskRecord | null): void {
    this.runs.release(run);
    this.loop.released(task);
  }

  #logFailure({ runId, task, logFields }: HeldRun, { error }: RunOutcome): void {
    this.services.logger.error(`The run "${runId}" of handler "${task.handler}" failed`, error, logFields);
  }

  /** Reports a run whose lease is lost while its handler is under way. */
  fence(run: HeldRun): void {
    this.#leases.add(`The lease of run "${run.runId}" is lost; its signal is aborted`, run.logFields);
    this.services.observed.meter?.leaseLost();
    this.services.events.emit('run.fenced', { ...run.event(), token: run.token });
  }

  /** Says nothing more. */
  close(): void {
    this.#leases.flush();
    this.#stepping.close();
    this.abandoned.stop();
  }

  /** Resolves when no handler is under way. */
  async drained(): Promise<void> {
    if (this.activeCount > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  /** Aborts every run under way because of a shutdown. */
  abortAll(): void {
    for (const run of this.active()) run.abort(new ShutdownError(run.runId));
  }

  /** Aborts the attempt under a lease if it is under way here. Returns whether it is. */
  cancelAttempt(lease: LeaseRef, request: CancelRequest): boolean {
    const run = this.runs.find(lease);
    if (!run || run.hasEnded) return false;
    run.abort(new RunCancelledError(run.runId, request));
    return true;
  }

  /** Aborts a run if it is under way here. Returns whether it is. */
  cancel(runId: string, request: CancelRequest): boolean {
    let isHere = false;
    for (const run of this.active()) {
      if (run.runId !== runId) continue;
      run.abort(new RunCancelledError(runId, request));
      isHere = true;
    }
    return isHere;
  }
}
