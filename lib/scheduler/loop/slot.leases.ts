import type { TaskDefinition } from '../../model/definition.js';
import { INTERNAL_PREFIX } from '../../model/definition.js';
import { DUE_KEYS } from '../../model/due-keys.js';
import { keyNameOf } from '../../model/limits.js';
import type { TaskPolicies } from '../../model/task.policies.js';
import type { Clock } from '../../model/clock.js';
import type { LeaseRef } from '../../model/run.js';
import { changeInternal } from '../../stores/internal.record.js';
import type { Store } from '../../stores/store.interface.js';
import type { RunEnd } from '../plan/end.plan.js';
import { changeSlots, forgetSlots, heldMs } from '../plan/slots.plan.js';
import type { Slot, SlotRequest } from '../plan/slots.plan.js';
import { FullLimits } from './full.limits.js';

/** How long a full group is left alone, in milliseconds: where the store pushes that a slot was freed, and where not. */
const RETRY_PUSHED_MS = 5_000;
const RETRY_POLLED_MS = 1_000;

/** How soon after it was found full a wake-up, which does not name a group, has a group asked about again, in milliseconds. */
const RETRY_WOKEN_MS = 100;

/** After how long without use the record of a group is removed, in milliseconds. */
const FORGET_MS = 3_600_000;

/** A slot is used for at most half a lease after it was asked for, so it outlasts the lease of the run that uses it. */
const LEASES_OF_A_SLOT = 1.5;

/** The id of the record that keeps who holds the slots of a group. */
export function groupRecordId(group: string): string {
  return `${INTERNAL_PREFIX}group:${group}`;
}

/** Which runs share slots, and how many there are. */
export interface SlotKind {
  /** The name of what the slots of a task are of; null where it needs none. */
  readonly nameOf: (definition: TaskDefinition) => string | null;
  readonly limitOf: (policies: TaskPolicies) => number;
  readonly recordId: (name: string) => string;
  /** The key by which claims leave out what waits for a slot. */
  readonly dueKey: 'group' | 'key';
}

/** `groupLimit`. */
export const GROUP_SLOTS: SlotKind = {
  nameOf: ({ policies }) => policies.group,
  limitOf: ({ groupLimit }) => groupLimit,
  recordId: groupRecordId,
  dueKey: 'group',
};

/** `keyLimit`. */
export const KEY_SLOTS: SlotKind = {
  nameOf: (definition) => (definition.policies.keyLimit === null ? null : keyNameOf(definition)),
  limitOf: ({ keyLimit }) => keyLimit!,
  recordId: (name) => `${INTERNAL_PREFIX}key:${name}`,
  dueKey: 'key',
};

/** The slots of one group that no run has yet, all granted by one answer of the store. */
interface Unused {
  readonly slots: Slot[];
  /** When they were asked for, on the monotonic clock. */
  readonly askedAt: number;
  /** Set when the store is asked to take them back. If its answer is lost, nobody knows whether it has. */
  isGivenBack: boolean;
}

/** How many leases of a group are wanted, and by which tasks: their values of the due key `group`. */
interface Wanted extends Pick<SlotRequest, 'count' | 'limit'> {
  readonly lanes: Set<string>;
}

/** What came of {@link SlotLeases.settle}. */
interface GroupsSettled {
  /** Whether another claim may start something: slots are granted, or the groups in the way are known to be full. */
  readonly mayStartMore: boolean;
  /** Whether slots were given back that other schedulers may wait for. */
  readonly hasFreed: boolean;
}

type GroupStore = Pick<Store, 'transact' | 'addTasks' | 'deleteTask' | 'capabilities'>;

/**
 * The limits of groups (`groupLimit`), or of keys (`keyLimit`), in the whole cluster, as leases: a run of a group needs one of its group beside
 * its own. A claim starts a run of a group only if there is such a lease for it. What a claim could not start for want of one
 * is told to {@link settle}, which gets the leases, or finds the group full and has claims leave it out for a while.
 */
export class SlotLeases {
  readonly #unused = new Map<string, Unused>();
  readonly #full: FullLimits;
  /** When slots of groups were last asked for, on the monotonic clock. */
  readonly #usedAt = new Map<string, number>();
  /** On the monotonic clock. */
  #wokenAt = -Infinity;

  /** @param leaseMs How long the lease of a run holds, in milliseconds. */
  constructor(
    private readonly store: GroupStore,
    private readonly owner: string,
    private readonly leaseMs: number,
    private readonly clock: Clock,
    private readonly kind: SlotKind = GROUP_SLOTS,
  ) {
    this.#full = new FullLimits(clock);
  }

  /** What claims leave out for now, of the due key of this kind. */
  full(): readonly string[] {
    return this.#full.lanes();
  }

  /** How long no group has to be asked about again, in milliseconds. */
  untilRetry(): number {
    return this.#full.untilRetry();
  }

  /** A wake-up came: it may have been the end of a run of a group. */
  wake(): void {
    this.#wokenAt = this.clock.monotonic();
    this.#full.retryAfter(RETRY_WOKEN_MS);
  }

  /** The leases that no run has yet, by group: each by the smallest `groupLimit` that lets it be used, in ascending order. */
  room(): ReadonlyMap<string, readonly number[]> {
    // One that was granted long ago might expire before the lease of the run that uses it.
    const oldest = this.clock.monotonic() - this.leaseMs / 2;
    const room = new Map<string, readonly number[]>();
    for (const [group, { slots, askedAt, isGivenBack }] of this.#unused) {
      if (askedAt > oldest && !isGivenBack) {
        room.set(
          group,
          slots.map(({ rank }) => rank),
        );
      }
    }
    return room;
  }

  /** Whether there are leases that no run has yet. The claim that is to use them is the last one that counts on them. */
  hasUnused(): boolean {
    for (const { slots } of this.#unused.values()) if (slots.length > 0) return true;
    return false;
  }

  /** Whether what a run of the task needs is at hand, or it needs nothing. */
  canTake(definition: TaskDefinition): boolean {
    const name = this.kind.nameOf(definition);
    if (name === null) return true;
    const unused = this.#unused.get(name);
    return unused !== undefined && !unused.isGivenBack && unused.slots.length > 0;
  }

  /**
   * The leases that a run of the task needs beside its own, for a run that was claimed within the {@link room}; null where they
   * were given back since: another claim was settled meanwhile.
   */
  take(definition: TaskDefinition): readonly LeaseRef[] | null {
    const group = this.kind.nameOf(definition);
    if (group === null) return [];
    const unused = this.#unused.get(group);
    const slot = unused?.isGivenBack ? undefined : unused?.slots.shift();
    return slot ? [slot.ref] : null;
  }

  /** What gives up the lease of a run that has ended. */
  giveUp(lease: LeaseRef): RunEnd {
    return { ...lease, record: null, retryAt: null };
  }

  /** A lease was given up: its group is not full any more. */
  freed({ taskId }: LeaseRef): void {
    this.#full.delete(taskId);
  }

  /**
   * After a claim: gives back the leases that it did not use, and asks for those that it lacked. When the store fails it
   * rejects, and what was not given back is given back the next time.
   *
   * @param waiting The tasks that wait for room alone.
   */
  async settle(waiting: readonly TaskDefinition[]): Promise<GroupsSettled> {
    const wanted = wantedOf(waiting, this.kind);
    const unused = [...this.#unused].filter(([, { slots }]) => slots.length > 0).map(([group]) => group);
    const groups = [...new Set([...wanted.keys(), ...unused])];
    if (groups.length === 0) return { mayStartMore: false, hasFreed: false };
    const askedAt = this.clock.monotonic();
    for (const group of wanted.keys()) this.#usedAt.set(group, askedAt);
    for (const group of unused) this.#unused.get(group)!.isGivenBack = true;
    const { committed, left, failed, storeNow } = await this.#change(groups, wanted);
    const granted = new Map(committed.map(({ id, value }) => [id, value]));
    const states = new Map([...committed.map(({ task }) => task!), ...left].map(({ id, state }) => [id, state]));
    const unwritten = new Set(failed.map(({ id }) => id));
    for (const group of groups) {
      const id = this.kind.recordId(group);
      // What could not be given back is still held, and given back the next time.
      if (!unwritten.has(id)) this.#unused.delete(group);
      const lanes = wanted.get(group)?.lanes;
      if (!lanes) continue;
      const slots = granted.get(id) ?? [];
      const state = states.get(id);
      if (slots.length > 0) this.#unused.set(group, { slots: [...slots], askedAt, isGivenBack: false });
      else if (unwritten.has(id)) this.#markFull(id, lanes, askedAt, 0);
      // A record that cannot be read says nothing, and is mended by hand.
      else this.#markFull(id, lanes, askedAt, state ? heldMs(state, storeNow) : Infinity);
    }
    return {
      mayStartMore: wanted.size > 0,
      hasFreed: unused.some((group) => granted.has(this.kind.recordId(group))),
    };
  }

  /** Gives back the unused leases of groups and takes those that are wanted, in one step of the store. */
  #change(groups: readonly string[], wanted: ReadonlyMap<string, Wanted>) {
    const starter = { owner: this.owner, leaseMs: LEASES_OF_A_SLOT * this.leaseMs };
    const plans = new Map(
      groups.map((group) => {
        const givenBack = new Set(this.#unused.get(group)?.slots.map(({ ref }) => ref.token));
        const { count = 0, limit = 0 } = wanted.get(group) ?? {};
        return [this.kind.recordId(group), changeSlots({ givenBack, count, limit }, starter)];
      }),
    );
    const records = { ids: [...plans.keys()], name: 'who holds the slots of a limit' };
    return changeInternal<readonly Slot[]>(this.store, records, (record, now, decided) =>
      plans.get(record.id)!(record, now, decided),
    );
  }

  /** @param heldForMs For how long its slots are held at the least, in milliseconds. */
  #markFull(id: string, lanes: ReadonlySet<string>, askedAt: number, heldForMs: number): void {
    const longest = this.store.capabilities.wakeUp === 'pushed' ? RETRY_PUSHED_MS : RETRY_POLLED_MS;
    // A slot whose holder died expires without a wake-up. One that was freed since the question has woken this scheduler.
    const isWoken = this.#wokenAt >= askedAt;
    const retryMs = isWoken ? RETRY_WOKEN_MS : Math.min(longest, Math.max(RETRY_WOKEN_MS, heldForMs));
    this.#full.mark(id, retryMs, lanes);
  }

  /** Gives back every lease that no run has. Returns whether that was any. */
  async release(): Promise<boolean> {
    return (await this.settle([])).hasFreed;
  }

  /** Removes the records of groups that nobody has used for an hour: their names may never return. */
  async forget(): Promise<void> {
    const idle = [...this.#usedAt].filter(([, usedAt]) => this.clock.monotonic() - usedAt >= FORGET_MS);
    if (idle.length === 0) return;
    await this.store.transact({ ids: idle.map(([group]) => this.kind.recordId(group)) }, forgetSlots(FORGET_MS));
    for (const [group] of idle) this.#usedAt.delete(group);
  }
}

/** How many leases the tasks want of each group, and within which limit. */
function wantedOf(waiting: readonly TaskDefinition[], { nameOf, limitOf, dueKey }: SlotKind): Map<string, Wanted> {
  const wanted = new Map<string, Wanted>();
  for (const definition of waiting) {
    const group = nameOf(definition);
    if (group === null) continue;
    const { count, limit, lanes } = wanted.get(group) ?? { count: 0, limit: 0, lanes: new Set<string>() };
    const lane = DUE_KEYS[dueKey](definition);
    if (lane !== null) lanes.add(lane);
    wanted.set(group, { count: count + 1, limit: Math.max(limit, limitOf(definition.policies)), lanes });
  }
  return wanted;
}
