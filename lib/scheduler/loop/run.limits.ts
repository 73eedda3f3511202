import { dueKeyValues, isLeftOut } from '../../model/due-keys.js';
import type { DueExcept } from '../../model/due-keys.js';
import type { Clock } from '../../model/clock.js';
import type { TaskDefinition } from '../../model/definition.js';
import { groupNeed, isLimited, keyNeed } from '../../model/limits.js';
import type { LeaseRef } from '../../model/run.js';
import type { Store } from '../../stores/store.interface.js';
import type { RunEnd } from '../plan/end.plan.js';
import { RatePermits } from './rate.permits.js';
import type { StartPermit } from './rate.permits.js';
import { GROUP_SLOTS, KEY_SLOTS, SlotLeases } from './slot.leases.js';

/** What a run has beside its own lease. */
export interface RunAllowance {
  /** It holds them until its end. */
  readonly leases: readonly LeaseRef[];
  /** It needs it to start; null where it needs none. */
  readonly permit: StartPermit | null;
}

/** What came of {@link RunLimits.settle}. */
interface LimitsSettled {
  /** Whether another claim may start something: something was granted, or what is in the way is known to give nothing. */
  readonly mayStartMore: boolean;
  /** Whether something was given back that other schedulers may wait for. */
  readonly hasFreed: boolean;
}

const NOTHING: RunAllowance = { leases: [], permit: null };
const NOTHING_SETTLED: LimitsSettled = { mayStartMore: false, hasFreed: false };

type LimitStore = Pick<Store, 'transact' | 'addTasks' | 'deleteTask' | 'capabilities'>;

/**
 * The limits of tasks in the whole cluster: how many runs of a group or of a key are under way (`groupLimit`, `keyLimit`), and how many start in a time
 * (`rateLimit`). A claim starts a limited run only if what it needs is at hand. What it could not start for want of that is told
 * to {@link settle}, which gets it, or has claims leave out for a while what waits for it.
 */
export class RunLimits {
  readonly #groups: SlotLeases;
  readonly #keys: SlotLeases;
  readonly #rates: RatePermits;

  /** @param leaseMs How long the lease of a run holds, in milliseconds. */
  constructor(store: LimitStore, owner: string, leaseMs: number, clock: Clock) {
    this.#groups = new SlotLeases(store, owner, leaseMs, clock, GROUP_SLOTS);
    this.#keys = new SlotLeases(store, owner, leaseMs, clock, KEY_SLOTS);
    this.#rates = new RatePermits(store, clock);
  }

  /** What claims leave out for now. */
  full(): Required<Pick<DueExcept, 'group' | 'key'>> {
    return {
      group: [...this.#groups.full(), ...this.#rates.full('group')],
      key: [...this.#keys.full(), ...this.#rates.full('key')],
    };
  }

  /** How long no limit has to be asked about again, in milliseconds. */
  untilRetry(): number {
    return Math.min(this.#groups.untilRetry(), this.#keys.untilRetry(), this.#rates.untilRetry());
  }

  /** A wake-up came: it may have been the end of a run that held a lease of a limit. */
  wake(): void {
    this.#groups.wake();
    this.#keys.wake();
  }

  /** What is at hand for runs, by the name of the need: see `needsOf`. Of each the ranks, in ascending order. */
  room(): ReadonlyMap<string, readonly number[]> {
    const room = new Map<string, readonly number[]>();
    for (const [group, ranks] of this.#groups.room()) room.set(groupNeed(group), ranks);
    for (const [key, ranks] of this.#keys.room()) room.set(keyNeed(key), ranks);
    this.#rates.addRoom(room);
    return room;
  }

  /** Whether something is at hand that no run has yet. The claim that is to use it is the last one that counts on it. */
  hasUnused(): boolean {
    return this.#groups.hasUnused() || this.#keys.hasUnused() || this.#rates.hasUnused();
  }

  /**
   * What a run of the task needs, for a run that was claimed within the {@link room}; null where it was given back since: another
   * claim was settled meanwhile.
   */
  take(definition: TaskDefinition): RunAllowance | null {
    if (!isLimited(definition.policies)) return NOTHING;
    const has = this.#groups.canTake(definition) && this.#keys.canTake(definition);
    const permit = has ? this.#rates.take(definition) : undefined;
    if (permit === undefined) return null;
    return { leases: [...this.#groups.take(definition)!, ...this.#keys.take(definition)!], permit };
  }

  /** What gives up a lease of a run that has ended. */
  giveUp(lease: LeaseRef): RunEnd {
    return this.#groups.giveUp(lease);
  }

  /** A lease was given up: what it is of is not full any more. */
  freed(lease: LeaseRef): void {
    this.#groups.freed(lease);
    this.#keys.freed(lease);
  }

  /**
   * After a claim, when its runs have started: gives back what they did not use, and asks for what was lacking. When the store fails
   * it rejects, and leases that were not given back are given back the next time.
   *
   * @param waiting The tasks that wait for room alone.
   */
  async settle(waiting: readonly TaskDefinition[]): Promise<LimitsSettled> {
    if (waiting.length === 0 && !this.hasUnused() && !this.#rates.hasOpen()) return NOTHING_SETTLED;
    const groups = await this.#groups.settle(waiting);
    const keys = await this.#keys.settle(waiting);
    // A permit is used soon or wasted, so none is asked for what waits for its group or its key.
    const full = { group: this.#groups.full(), key: this.#keys.full() };
    const rates = await this.#rates.settle(waiting.filter((task) => !isLeftOut(dueKeyValues(task), full)));
    return {
      mayStartMore: groups.mayStartMore || keys.mayStartMore || rates.wanted,
      hasFreed: groups.hasFreed || keys.hasFreed || rates.hasFreed,
    };
  }

  /** Gives back all that no run has. Returns whether that was any. */
  async release(): Promise<boolean> {
    return (await this.settle([])).hasFreed;
  }

  /** Removes the records that nobody has used for long. */
  async forget(): Promise<void> {
    await this.#groups.forget();
    await this.#keys.forget();
    await this.#rates.forget();
  }
}
