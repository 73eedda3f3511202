import type { Clock } from '../../model/clock.js';
import type { LiveRun } from '../../model/run.js';
import { INTERNAL_PREFIX } from '../../model/definition.js';
import type { TaskRecord } from '../../model/task.js';
import type { TaskPolicies } from '../../model/definition.js';
import { changeInternal } from '../../stores/internal.record.js';
import type { FinishResult, LeaseRef, RunResult, Store, Transacted } from '../../stores/store.interface.js';
import type { Apply } from '../../model/change.js';
import { waitingRun } from '../plan/waiting-run.js';

/** How long a full group is left alone, in milliseconds: where the store tells that a slot was freed, and where not. */
const RETRY_PUSHED_MS = 5_000;
const RETRY_POLLED_MS = 1_000;

/** How soon after it was found full a wake-up, which says nothing of groups, has a group asked about again, in milliseconds. */
const RETRY_WOKEN_MS = 100;

/** After how long without use the record of a group is removed, in milliseconds. */
const FORGET_MS = 3_600_000;

/** The id of the record that keeps who holds the slots of a group. */
export function groupRecordId(group: string): string {
  return `${INTERNAL_PREFIX}group:${group}`;
}

/** A slot in hand that no run has yet. */
interface FreeSlot {
  readonly ref: LeaseRef;
  /** How many slots of the group were held when this one was had, it included: who is content with that may use it. */
  readonly rank: number;
  /** When it was asked for, on the monotonic clock. */
  readonly askedAt: number;
}

interface Wish {
  readonly count: number;
  readonly limit: number;
}

/** What came of {@link GroupSlots.settle}. */
interface Settled {
  /** Whether another claim may start something, now that slots are had or the groups in the way are known to be full. */
  readonly mayStartMore: boolean;
  /** Whether slots were given up that others may wait for. */
  readonly hasFreed: boolean;
}

type SlotStore = Pick<Store, 'transact' | 'addTasks' | 'deleteTask' | 'capabilities'>;

/**
 * The limits of groups (`group`, `groupLimit`), in the whole cluster. Who holds a slot of a group stands in a record of
 * the group, as a live run under a lease: so slots are renewed and given up in the same calls as the leases of the runs
 * that use them, and those of a dead scheduler run out by themselves.
 *
 * A claim starts a run of a group only when a slot is in hand. What it could not start for want of one is wished for, and
 * after the claim the slots are had, or the group is found full and left out of the claims for a while.
 */
export class GroupSlots {
  readonly #free = new Map<string, FreeSlot[]>();
  #wishes = new Map<string, Wish>();
  /** When full groups are asked about again, on the monotonic clock, and when they were found full. */
  readonly #full = new Map<string, { readonly since: number; retryAt: number }>();
  /** When slots of groups were last asked for, on the monotonic clock. */
  readonly #usedAt = new Map<string, number>();
  /** On the monotonic clock. */
  #wokenAt = -Infinity;

  /** @param leaseMs How long the lease of a run holds, in milliseconds. */
  constructor(
    private readonly store: SlotStore,
    private readonly owner: string,
    private readonly leaseMs: number,
    private readonly clock: Clock,
  ) {}

  /** The groups that claims are to leave out for now. */
  full(): readonly string[] {
    const now = this.clock.monotonic();
    for (const [group, { retryAt }] of this.#full) if (retryAt <= now) this.#full.delete(group);
    return [...this.#full.keys()];
  }

  /** How long no group has to be asked about again, in milliseconds. */
  untilRetry(): number {
    const now = this.clock.monotonic();
    let left = Infinity;
    for (const { retryAt } of this.#full.values()) left = Math.min(left, retryAt - now);
    return Math.max(0, left);
  }

  /** Something happened somewhere: it may have been the end of a run of a group. */
  wake(): void {
    this.#wokenAt = this.clock.monotonic();
    for (const mark of this.#full.values()) mark.retryAt = Math.min(mark.retryAt, mark.since + RETRY_WOKEN_MS);
  }

  /**
   * Counts slots for one claim. The function takes one and says whether a run may start: when it is of no group, or there
   * is a slot for it in hand; where there is none, one is wished for.
   */
  counter(): (policies: TaskPolicies) => boolean {
    const oldest = this.clock.monotonic() - this.leaseMs / 2;
    // A slot that was had long ago might run out before the lease of the run that uses it.
    const left = new Map(
      [...this.#free].map(([group, slots]) => [group, slots.filter(({ askedAt }) => askedAt > oldest)]),
    );
    this.#wishes = new Map();
    return ({ group, groupLimit }) => {
      if (group === null) return true;
      const slots = left.get(group) ?? [];
      const at = slots.findIndex(({ rank }) => rank <= groupLimit);
      if (at >= 0) {
        slots.splice(at, 1);
        return true;
      }
      const { count = 0, limit = 0 } = this.#wishes.get(group) ?? {};
      this.#wishes.set(group, { count: count + 1, limit: Math.max(limit, groupLimit) });
      return false;
    };
  }

  /** The slot for a run that was claimed; null for one of no group. */
  assign({ definition }: TaskRecord): LeaseRef | null {
    const { group } = definition.policies;
    return group === null ? null : (this.#free.get(group)?.shift()?.ref ?? null);
  }

  /**
   * After a claim: gives up the slots that it did not use, and asks for those that it lacked. Rejects with all as it was
   * when the store fails.
   */
  async settle(): Promise<Settled> {
    const wishes = new Map([...this.#wishes].map(([group, wish]) => [groupRecordId(group), { group, ...wish }]));
    const unused = new Map(
      [...this.#free].flatMap(([group, slots]) => (slots.length > 0 ? [[groupRecordId(group), slots]] : [])),
    );
    this.#wishes = new Map();
    if (wishes.size === 0 && unused.size === 0) return { mayStartMore: false, hasFreed: false };
    const askedAt = this.clock.monotonic();
    for (const { group } of wishes.values()) this.#usedAt.set(group, askedAt);
    /** How long the slots of a group are held at the least, where none was to be had; the last call of `apply` counts. */
    const heldMs = new Map<string, number>();
    const change: Apply<readonly FreeSlot[]> = (record, now) => {
      const given = new Set(unused.get(record.id)?.map(({ ref }) => ref.token));
      const kept = record.state.live.filter(({ leaseUntil, token }) => leaseUntil! > now && !given.has(token));
      const { count = 0, limit = 0 } = wishes.get(record.id) ?? {};
      const slots = this.#slots(record, now, Math.min(count, limit - kept.length), kept.length, askedAt);
      heldMs.set(record.id, Math.min(...kept.map(({ leaseUntil }) => leaseUntil! - now)));
      if (slots.length === 0 && kept.length === record.state.live.length) return null;
      const live = [...kept, ...slots.map(({ run }) => run)];
      const lastToken = slots.at(-1)?.run.token ?? record.state.lastToken;
      const state = { ...record.state, updatedAt: now, live, lastToken };
      return { task: { ...record, state }, history: [], value: slots.map(({ free }) => free) };
    };
    const { committed, failed } = await this.#changeRecords([...new Set([...wishes.keys(), ...unused.keys()])], change);
    // What could not be given up is in hand still, and given up the next time.
    const isFailed = new Set(failed.map(({ id }) => id));
    for (const group of this.#free.keys()) if (!isFailed.has(groupRecordId(group))) this.#free.delete(group);
    const granted = new Map(committed.map(({ id, value }) => [id, value]));
    for (const [id, { group }] of wishes) {
      const slots = granted.get(id) ?? [];
      if (slots.length > 0) this.#free.set(group, [...slots]);
      else this.#markFull(group, askedAt, isFailed.has(id) ? 0 : (heldMs.get(id) ?? 0));
    }
    return { mayStartMore: wishes.size > 0, hasFreed: committed.some(({ id }) => unused.has(id)) };
  }

  /** A group has no record until its first slot is asked for. */
  #changeRecords<T>(ids: readonly string[], change: Apply<T>): Promise<Pick<Transacted<T>, 'committed' | 'failed'>> {
    return changeInternal(this.store, { ids, name: 'who holds the slots of a group' }, change);
  }

  #slots(record: TaskRecord, now: number, count: number, held: number, askedAt: number) {
    const first = Math.max(record.state.lastToken + 1, now);
    return Array.from({ length: Math.max(0, count) }, (_, at) => {
      const token = first + at;
      const run: LiveRun = {
        ...waitingRun({ id: `${record.id}@${token}`, source: 'schedule', scheduledTime: now, availableAt: now }),
        status: 'running',
        owner: this.owner,
        token,
        // It is used for at most half a lease after it was asked for, so it outlasts the lease of the run that uses it.
        leaseUntil: now + 1.5 * this.leaseMs,
        startedAt: now,
      };
      const ref = { taskId: record.id, runId: run.id, token };
      return { run, free: { ref, rank: held + at + 1, askedAt } satisfies FreeSlot };
    });
  }

  /** @param heldMs For how long its slots are held at the least, in milliseconds. */
  #markFull(group: string, askedAt: number, heldMs: number): void {
    const since = this.clock.monotonic();
    const longest = this.store.capabilities.wakeUp === 'pushed' ? RETRY_PUSHED_MS : RETRY_POLLED_MS;
    // A slot whose holder died comes free without anybody saying so; one that was freed since the question has been told of.
    const retryMs = this.#wokenAt >= askedAt ? RETRY_WOKEN_MS : Math.min(longest, Math.max(RETRY_WOKEN_MS, heldMs));
    this.#full.set(group, { since, retryAt: since + retryMs });
  }

  /** Gives up what is in hand. Returns whether that was anything. */
  async release(): Promise<boolean> {
    this.#wishes = new Map();
    return (await this.settle()).hasFreed;
  }

  /** Removes the records of groups that nobody has used for an hour: groups may be made up of names that never return. */
  async forget(): Promise<void> {
    const idle = [...this.#usedAt].filter(([, usedAt]) => this.clock.monotonic() - usedAt >= FORGET_MS);
    if (idle.length === 0) return;
    await this.store.transact({ ids: idle.map(([group]) => groupRecordId(group)) }, ({ state }, now) => {
      const isIdle = state.live.every(({ leaseUntil }) => leaseUntil! <= now) && now - state.updatedAt >= FORGET_MS;
      // Tokens begin at the store's time, so those of a record that is made anew are larger all the same.
      return isIdle ? { task: null, history: [], value: null } : null;
    });
    for (const [group] of idle) this.#usedAt.delete(group);
  }

  /** Takes the slots that were given up out of an answer of the store, whose groups are not full any more. */
  withoutSlots(result: FinishResult): { readonly runs: FinishResult; readonly freed: boolean } {
    const isSlot = ({ taskId }: { readonly taskId: string }) => taskId.startsWith(INTERNAL_PREFIX);
    const freed = result.settled.filter(isSlot);
    if (freed.length === 0 && !result.refused.some(isSlot)) return { runs: result, freed: false };
    const freedIds = new Set(freed.map(({ taskId }) => taskId));
    for (const group of this.#full.keys()) if (freedIds.has(groupRecordId(group))) this.#full.delete(group);
    const runs = {
      settled: result.settled.filter((one) => !isSlot(one)),
      refused: result.refused.filter((one) => !isSlot(one)),
    };
    return { runs, freed: freed.length > 0 };
  }
}

/** What gives up the slot of a run that has ended. */
export function slotResult({ taskId, runId, token }: LeaseRef): RunResult {
  return { taskId, runId, token, record: null, retryAt: null };
}
