import { keyOf, scheduledRunId } from '../../model/run.js';
import type { LeaseRef } from '../../model/run.js';
import type { Store } from '../../stores/store.interface.js';
import type { Claim } from './claim.step.js';
import { HeldRun } from './held.run.js';
import type { HeldTasks } from './held.tasks.js';
import { simpleTime } from '../plan/simple.plan.js';
import { renewLeases } from './renew.step.js';
import type { RunExecution } from './run.execution.js';
import type { RunLimits } from './run.limits.js';
import { SimpleOrigin } from './run.origin.js';
import type { RunServices } from './run.services.js';

/** For how long runs are started before the process gets to its other work, in milliseconds. */
const TURN_MS = 10;

interface StarterServices extends RunServices {
  readonly leaseMs: number;
  readonly target: Pick<Store, 'transact'>;
  readonly tasks: HeldTasks;
  readonly limits: Pick<RunLimits, 'take'>;
  readonly execution: Pick<RunExecution, 'start' | 'giveBack'>;
  readonly failed: (error: unknown) => void;
  /** Whether nothing starts any more: what was claimed is due again when its leases expire. */
  readonly isStopped: () => boolean;
}

/** Starts what was claimed, unless the answer took so long that another scheduler may have it by now. */
export class ClaimStarter {
  constructor(private readonly services: StarterServices) {}

  /**
   * Holds the runs of a claim, which are to be started.
   *
   * @param askedAt When the store was asked, on the monotonic clock.
   */
  hold({ claimed, simple }: Claim, askedAt: number): readonly HeldRun[] {
    const { limits, tasks, execution } = this.services;
    const runs: HeldRun[] = [];
    for (const taken of simple) {
      const { task, lease } = taken;
      const scheduledTime = simpleTime(task);
      const id = scheduledRunId(task.id, scheduledTime);
      const start = { id, token: lease.token, scheduledTime, attempt: 1, source: 'schedule', lost: 0 } as const;
      const run = new HeldRun(task, start, new SimpleOrigin(taken), this.services, askedAt);
      tasks.hold(run, taken);
      runs.push(run);
    }
    for (const { task, value, taken } of claimed) {
      if (!task) continue;
      if (!taken) tasks.note(task);
      for (const start of value.start) {
        const origin = { record: task, run: start, simpleSince: null };
        const allowed = limits.take(task.definition);
        const run = new HeldRun(task, start, origin, this.services, askedAt, allowed?.leases);
        run.permit = allowed?.permit ?? null;
        tasks.hold(run, taken);
        // Without that it would be one more than its limits allow.
        if (allowed) runs.push(run);
        else execution.giveBack(run);
      }
    }
    return runs;
  }

  /**
   * Starts runs one after the other, and lets the process get to its other work in between. If the answer to their claim, or the
   * runs before one, took so long that its lease may soon expire, it is renewed first, and what another scheduler has taken
   * meanwhile is not started.
   */
  async start(runs: readonly HeldRun[]): Promise<void> {
    const { clock, leaseMs, execution, tasks, isStopped } = this.services;
    let waiting = runs.toReversed();
    let yieldedAt = clock.monotonic();
    for (let next = waiting.pop(); next; next = waiting.pop()) {
      if (clock.monotonic() - yieldedAt > TURN_MS) {
        await new Promise(setImmediate);
        yieldedAt = clock.monotonic();
      }
      if (isStopped()) {
        // They are due again when their leases expire; nobody here knows of their tasks any more.
        for (const run of [...waiting, next]) tasks.release(run);
        return;
      }
      // The runs before it took so long that it may count no more when it starts.
      if (next.permit !== null && clock.monotonic() > next.permit.startBy) {
        this.#giveBack(next);
      } else if (clock.monotonic() - next.renewedAt <= leaseMs / 2) execution.start(next);
      else waiting = await this.#stillHeld([...waiting, next]);
    }
  }

  /** Renews the leases of runs that were claimed long ago. Gives back the runs that may not be started, returns the others. */
  async #stillHeld(runs: readonly HeldRun[]): Promise<HeldRun[]> {
    const { clock, leaseMs, logger } = this.services;
    const renewedAt = clock.monotonic();
    const lost = await this.#renew(runs.flatMap(({ leases }) => leases));
    const isOver = clock.monotonic() - renewedAt > leaseMs / 2;
    return runs.filter((run) => {
      run.renewedAt = renewedAt;
      const isHeld = !isOver && !run.leases.some((lease) => lost.has(keyOf(lease)));
      if (isHeld) return true;
      logger.warn(
        `The claim of run "${run.runId}" was answered too late; it is left to other schedulers`,
        run.logFields,
      );
      this.#giveBack(run);
      return false;
    });
  }

  /** Gives back a run that does not start, and the permit with it. */
  #giveBack(run: HeldRun): void {
    if (run.permit) run.permit.unused += 1;
    this.services.execution.giveBack(run);
  }

  /** Returns the keys of the leases that are lost, or may be. */
  async #renew(leases: readonly LeaseRef[]): Promise<ReadonlySet<string>> {
    const { target, leaseMs, tasks, failed } = this.services;
    if (leases.length === 0) return new Set();
    try {
      const answer = await renewLeases(target, leases, leaseMs, tasks);
      return new Set([...answer.lost, ...answer.failed].map(keyOf));
    } catch (error) {
      failed(error);
      return new Set(leases.map(keyOf));
    }
  }
}
