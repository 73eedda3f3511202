import type { TaskDefinition } from '../../model/definition.js';
import type { TaskRecord } from '../../model/task.js';
import type { Apply } from '../../model/change.js';
import { dueKeyValues, isLeftOut } from '../../model/due-keys.js';
import type { Store } from '../../stores/store.interface.js';
import { planClaim, waitsForRoom } from '../plan/claim.plan.js';
import type { Claimed, Room } from '../plan/claim.plan.js';
import { hasNewerInput } from '../plan/newer.input.js';
import { announceClaim } from './claim.events.js';
import type { ClaimRequests, NextClaim } from './claim.requests.js';
import { ClaimStarter } from './claim.starter.js';
import { claimDue, claimThese } from './claim.step.js';
import type { Claim, ClaimedTask } from './claim.step.js';
import type { EndQueue } from './end.queue.js';
import type { HeldRun } from './held.run.js';
import type { HeldTasks } from './held.tasks.js';
import type { LeaseKeeper } from './lease.keeper.js';
import { LostRuns } from './lost.runs.js';
import type { RunExecution } from './run.execution.js';
import type { RunLimits } from './run.limits.js';
import type { RunServices } from './run.services.js';
import type { HealthMonitor } from './store.health.js';
import { takeDue } from './take.step.js';
import { UnwrittenClaims } from './unwritten.claims.js';

/**
 * For how long no tasks are taken after a claim has left some that it could not start, in milliseconds. To give them back costs a
 * write, and hides them from other schedulers meanwhile; a claim that decides in the store leaves them without either.
 */
const TAKES_AGAIN_MS = 10_000;

/** What claims go through, and what they start. */
export interface ClaimParts {
  readonly leaseMs: number;
  readonly requests: ClaimRequests;
  readonly limits: RunLimits;
  readonly tasks: HeldTasks;
  readonly ends: Pick<EndQueue, 'takeAlong' | 'flush'>;
  readonly leases: LeaseKeeper;
  readonly execution: RunExecution;
  readonly health: HealthMonitor;
  /** Whether another claim follows at once. */
  readonly follows: (isAnotherDue: boolean) => void;
  /** A limit may have room again. */
  readonly limitsHaveRoom: () => void;
  /** Tasks were given back that other schedulers may be able to start. */
  readonly gaveBack: () => void;
  /** A run of another scheduler is asked to stop. */
  readonly cancelledElsewhere: () => void;
}

/** Who has claims asked for while runs start. */
export interface AheadAsker {
  /** Is told of the runs of a claim before the first one is started: more may be asked for meanwhile. */
  held(runs: readonly HeldRun[]): void;
  /** Whether no other claim is asked for. */
  isLast(): boolean;
}

const ASKS_NOTHING: AheadAsker = { held: () => {}, isLast: () => true };

/** A claim that the store was asked for. */
export interface AskedClaim {
  readonly next: NextClaim;
  /** On the monotonic clock. */
  readonly askedAt: number;
  readonly answer: Promise<Claim>;
}

/** Claims tasks of one store, and starts what it got. */
export class Claimer {
  readonly #context: Parameters<typeof waitsForRoom>[0];
  readonly #starter: ClaimStarter;
  readonly #unwritten: UnwrittenClaims;
  readonly #lost: LostRuns;
  /** The tasks that wait for what their limits give, and for nothing else. */
  readonly #lacking: TaskDefinition[] = [];
  /** The rooms of the claims that were decided on and are not held yet, of which a run may be on its last chance. */
  readonly #lastChances = new Set<Room>();
  /** Until when no tasks are taken, on the monotonic clock. */
  #takesAgainAt = -Infinity;
  #isStopped = false;

  constructor(
    private readonly store: Store,
    private readonly services: RunServices,
    private readonly parts: ClaimParts,
  ) {
    const { clock, identity: owner, triggers, handlers } = services;
    const { leaseMs, tasks, leases, execution, health } = parts;
    this.#context = {
      owner,
      leaseMs,
      triggerOf: (task) => triggers.get(task.definition.trigger),
      schemaVersionOf: (handler) => handlers.versionOf(handler),
      holdOn: (taskId, run) => execution.holdOn(taskId, run, leaseMs),
      abandoned: (id) => execution.abandoned.of(id),
      hasLastChance: () => execution.hasLastChance(),
    };
    this.#lost = new LostRuns(services);
    this.#unwritten = new UnwrittenClaims(clock, tasks, leases);
    this.#starter = new ClaimStarter({
      ...services,
      ...parts,
      target: store,
      failed: (error) => void health.failed('renewals', error),
      isStopped: () => this.#isStopped,
    });
  }

  /** Asks the store for due tasks. */
  ask(next: NextClaim): AskedClaim {
    const askedAt = this.services.clock.monotonic();
    const answer = this.#ask(next);
    // Whoever waits for it hears of it.
    answer.catch(() => {});
    return { next, askedAt, answer };
  }

  /** Starts what comes of a claim. Returns the answer, and whether another claim may start more. */
  async start(
    { next, askedAt, answer }: AskedClaim,
    ahead: AheadAsker,
  ): Promise<{ readonly claim: Claim; readonly mayStartMore: boolean }> {
    const { clock } = this.services;
    const { requests, health } = this.parts;
    let claim: Claim;
    try {
      claim = this.#noteFailed(await answer);
    } finally {
      // In the same step its runs are held, which tells it from then on.
      this.#lastChances.delete(next.room);
    }
    health.passed();
    const waiting = requests.answered(next, claim, clock.monotonic() - askedAt, this.#waitsForRoom(claim));
    this.parts.follows(requests.isContended);
    this.#lacking.push(...waiting);
    return { claim, mayStartMore: await this.#start(claim, askedAt, ahead) };
  }

  /**
   * Claims given tasks, within the same limits.
   *
   * @param planOf Makes the plan of a plan that starts what waits.
   * @returns The ids of the tasks of which a run waits for room, and whether another claim may start more.
   */
  async claimThese(
    ids: readonly string[],
    planOf: (claim: Apply<Claimed>) => Apply<Claimed>,
  ): Promise<{ readonly waiting: readonly string[]; readonly mayStartMore: boolean }> {
    const { requests, limits } = this.parts;
    const askedAt = this.services.clock.monotonic();
    const room = requests.room();
    const asked = claimThese(this.store, ids, planOf(this.#plan(room))).finally(() => this.#lastChances.delete(room));
    const claim = this.#noteFailed(this.#noteTime(await asked));
    const decided = claim.claimed.map(({ value }) => value);
    const tasks = [...claim.left, ...claim.claimed.flatMap(({ task }) => task ?? [])];
    const waiting = tasks.filter(this.#waitsForRoom(claim));
    const full = limits.full();
    const lacking = waiting
      .map(({ definition }) => definition)
      .filter((task) => !room.isFull(task.executor, decided) && !isLeftOut(dueKeyValues(task), full));
    this.#lacking.push(...lacking);
    return { waiting: waiting.map(({ id }) => id), mayStartMore: await this.#start(claim, askedAt, ASKS_NOTHING) };
  }

  /** Writes the claim of a task whose run has started without that. Never rejects. */
  write(taskId: string): Promise<void> {
    return this.#unwritten.write(taskId);
  }

  /** Starts nothing any more, also of a claim that is answered later: that is due again when its leases expire. */
  stop(): void {
    this.#isStopped = true;
    this.#lost.stop();
    this.#unwritten.stop();
  }

  async #ask({ request, room }: NextClaim): Promise<Claim> {
    const { store } = this;
    const { execution, ends } = this.parts;
    const plan = this.#plan(room);
    const now = this.services.clock.monotonic();
    // A taking would be in the way of the end of a run that stands in the lease of before alone.
    const mayTake = now >= this.#takesAgainAt && !this.#unwritten.areOld(this.parts.leaseMs / 2);
    const takes = store.capabilities.takes === true && mayTake;
    const { knowsDates } = this.services.triggers;
    const startsNow = ({ id, definition }: TaskRecord, decided: readonly Claimed[]) =>
      knowsDates &&
      execution.abandoned.of(id) === 0 &&
      !hasNewerInput(definition, this.#context) &&
      room.take(definition.executor, decided);
    // What has ended goes along with a taking, and by itself otherwise.
    const along = takes ? ends.takeAlong() : null;
    this.parts.follows(false);
    ends.flush();
    const asked = takes
      ? takeDue(store, request, { ...this.#context, startsNow }, plan, along)
      : claimDue(store, request, plan);
    const claim = this.#noteTime(await asked);
    const { meter } = this.services.observed;
    if (meter) meter.claimed(this.services.clock.monotonic() - now, claim.claimed.length + claim.simple.length);
    if (claim.left.length > 0) {
      this.#takesAgainAt = now + TAKES_AGAIN_MS;
      if (takes) this.parts.gaveBack();
    }
    return claim;
  }

  /** When the answer comes: what it is of may be started only after other runs have. */
  #noteTime(claim: Claim): Claim {
    this.services.storeClock.sync(claim.storeNow);
    return claim;
  }

  #noteFailed(claim: Claim): Claim {
    if (claim.failed[0]) this.parts.health.failed('claims', claim.failed[0].error);
    return claim;
  }

  /** Starts what was claimed. Returns whether another claim may start more. */
  async #start(claim: Claim, askedAt: number, ahead: AheadAsker): Promise<boolean> {
    if (this.#isStopped) return false;
    for (const one of claim.claimed) {
      announceClaim(one, this.services, this.#lost);
      this.#abortReplaced(one);
    }
    const runs = this.#starter.hold(claim, askedAt);
    // What lacks something of its limits may start with the same claim, made once more.
    if (this.#lacking.length === 0 && claim.left.length === 0) ahead.held(runs);
    await this.#starter.start(runs);
    if (claim.simple.length > 0 || claim.claimed.some(({ taken }) => taken)) this.#unwritten.started();
    // A claim that was asked for before cannot use what is got for this one, and would give it back.
    if (!ahead.isLast()) return false;
    const { mayStartMore, hasFreed } = await this.parts.limits.settle(this.#lacking.splice(0));
    if (hasFreed) this.parts.limitsHaveRoom();
    return mayStartMore;
  }

  /** Aborts the run that a newer one is to take the place of, here at once, and elsewhere as soon as its owner looks. */
  #abortReplaced({ id: taskId, task }: ClaimedTask): void {
    for (const { id: runId, token, cancel, status } of task?.state.live ?? []) {
      if (status !== 'running' || cancel?.at !== task!.state.updatedAt) continue;
      if (!this.parts.execution.cancelAttempt({ taskId, runId, token }, cancel)) this.parts.cancelledElsewhere();
    }
  }

  #waitsForRoom({ storeNow }: Claim): (task: TaskRecord) => boolean {
    const { executors } = this.services;
    return (task) => executors.has(task.definition.executor) && waitsForRoom(this.#context, task, storeNow);
  }

  /**
   * Whether a run is under way, or decided on by another claim, whose next loss is its last. Where there is none the claim may
   * start one, of which claims that are decided on before it is held must know.
   */
  #hasLastChanceBeside(room: Room): boolean {
    const others = this.#lastChances.size - (this.#lastChances.has(room) ? 1 : 0);
    if (others > 0 || this.#context.hasLastChance()) return true;
    this.#lastChances.add(room);
    return false;
  }

  #plan(room: Room): Apply<Claimed> {
    const hasLastChance = () => this.#hasLastChanceBeside(room);
    const plan = planClaim({ ...this.#context, room, hasLastChance });
    const { tasks } = this.parts;
    return (task, now, decided) => {
      // The lease of a claim that could not be written is over: the run in it goes on here all the same.
      const { lease } = task.state;
      return plan(lease !== null && lease.until <= now ? tasks.adopted(task) : task, now, decided);
    };
  }
}
