import type { Clock } from '../../model/clock.js';
import { wait } from '../../time/wait.js';
import { UNWRITTEN_MS } from '../plan/take.plan.js';
import type { HeldRun } from './held.run.js';
import type { HeldTasks } from './held.tasks.js';
import type { LeaseKeeper } from './lease.keeper.js';

/**
 * Has claims written whose run has started without that, and goes on for longer: until then the run stands nowhere but in the
 * lease of its task, where nobody can look at it or cancel it.
 */
export class UnwrittenClaims {
  #cancel: (() => void) | null = null;
  #isStopped = false;

  constructor(
    private readonly clock: Clock,
    private readonly tasks: Pick<HeldTasks, 'isUnwritten' | 'oldestUnwritten'>,
    private readonly leases: Pick<LeaseKeeper, 'renew'>,
  ) {}

  /** Runs may have started without their claim being written. */
  started(): void {
    if (this.#cancel || this.#isStopped) return;
    const dueIn = this.tasks.oldestUnwritten() + UNWRITTEN_MS - this.clock.monotonic();
    if (dueIn === Infinity) return;
    // What the store does not take is tried again, and not without a pause.
    this.#cancel = wait(this.clock, Math.max(UNWRITTEN_MS / 2, dueIn), () => {
      const until = this.clock.monotonic();
      void this.leases
        .renew((run) => this.#isUnwritten(run) && writtenBy(run) <= until)
        .finally(() => {
          if (this.#isStopped) return;
          this.#cancel = null;
          this.started();
        });
    });
  }

  /** Writes those of one task now: the renewal of a lease writes the claim that it is of. Never rejects. */
  write(taskId: string): Promise<void> {
    return this.leases.renew((run) => run.taskId === taskId && this.#isUnwritten(run));
  }

  /** Whether there are some of at least that age, in milliseconds, so that the lease that they stand in may be over. */
  areOld(ms: number): boolean {
    return this.tasks.oldestUnwritten() <= this.clock.monotonic() - ms;
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancel?.();
  }

  #isUnwritten({ taskId }: HeldRun): boolean {
    return this.tasks.isUnwritten(taskId);
  }
}

/** By when its claim is to be written, on the monotonic clock. */
function writtenBy({ renewedAt }: HeldRun): number {
  return renewedAt + UNWRITTEN_MS;
}
