import type { Clock } from '../../model/clock.js';
import type { Logger } from '../../model/logger.js';
import type { LiveRun } from '../../model/run.js';
import type { ClaimedTask, LeaseRef, RunResult, Store } from '../../stores/store.interface.js';
import { slotResult } from './group.slots.js';
import type { GroupSlots } from './group.slots.js';
import type { RunManager } from './run.execution.js';
import type { StoreClock } from '../../time/store.clock.js';

interface StarterServices {
  readonly store: Pick<Store, 'renewLeases'>;
  readonly leaseMs: number;
  readonly clock: Clock;
  readonly storeClock: StoreClock;
  readonly logger: Logger;
  readonly slots: Pick<GroupSlots, 'assign'>;
  readonly runs: Pick<RunManager, 'start'>;
  readonly finish: (result: RunResult) => void;
  readonly failed: (error: unknown) => void;
}

/** A claimed task with the slots of its group that its runs use, in their order. */
type Leased = ClaimedTask & { readonly slots: readonly (LeaseRef | null)[] };

/** Starts what was claimed, unless the answer took so long that somebody else may have it by now. */
export class ClaimStarter {
  constructor(private readonly services: StarterServices) {}

  /**
   * When the answer took so long that the leases may soon be over, they are renewed first, and what somebody else has taken
   * meanwhile is not started.
   *
   * @param asked When the store was asked, on the monotonic clock.
   */
  async start(claimed: readonly ClaimedTask[], asked: number): Promise<void> {
    const { clock, leaseMs, slots, runs } = this.services;
    const leased = claimed.map((one) => ({ ...one, slots: one.start.map(() => one.task && slots.assign(one.task)) }));
    if (clock.monotonic() - asked <= leaseMs / 2) {
      for (const { slots: used, ...one } of leased) runs.start(one, asked, used);
      return;
    }
    const renewedAt = clock.monotonic();
    const isHeld = await this.#renew(leased);
    const isOver = clock.monotonic() - renewedAt > leaseMs / 2;
    for (const one of leased) this.#startHeld(one, renewedAt, (ref) => !isOver && isHeld(ref));
  }

  /** Returns whether a lease is still held. */
  async #renew(leased: readonly Leased[]): Promise<(ref: LeaseRef) => boolean> {
    const { store, leaseMs, failed } = this.services;
    const refs = leased.flatMap(({ id, start, slots }) => [
      ...start.map((run) => leaseOf(id, run)),
      ...slots.filter((slot) => slot !== null),
    ]);
    if (refs.length === 0) return () => true;
    try {
      const answer = await store.renewLeases(refs, leaseMs);
      const gone = new Set([...answer.lost, ...answer.failed].map(({ runId }) => runId));
      return ({ runId }) => !gone.has(runId);
    } catch (error) {
      failed(error);
      return () => false;
    }
  }

  #startHeld({ slots, ...one }: Leased, claimedAt: number, isHeld: (ref: LeaseRef) => boolean): void {
    const { runs, finish, logger, storeClock } = this.services;
    const isReady = one.start.map((run, at) => isHeld(leaseOf(one.id, run)) && (!slots[at] || isHeld(slots[at])));
    for (const [at, run] of one.start.entries()) {
      if (isReady[at]) continue;
      logger.warn(`The claim of run "${run.id}" was answered too late; it is left to others`);
      // What was not begun is given back, so that it is not taken for a run that a dead scheduler has lost.
      finish({ ...leaseOf(one.id, run), record: null, retryAt: storeClock.now() });
      if (slots[at]) finish(slotResult(slots[at]));
    }
    const start = one.start.filter((_, at) => isReady[at]);
    runs.start(
      { ...one, start },
      claimedAt,
      slots.filter((_, at) => isReady[at]),
    );
  }
}

function leaseOf(taskId: string, { id: runId, token }: LiveRun): LeaseRef {
  return { taskId, runId, token };
}
