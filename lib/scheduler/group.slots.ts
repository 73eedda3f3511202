import type { Clock } from '../model/clock.js';
import type { LiveRun } from '../model/run.js';
import { INTERNAL_PREFIX } from '../model/task.js';
import type { TaskPolicies, TaskRecord } from '../model/task.js';
import { internalRecord } from '../stores/internal.record.js';
import type { FinishResult, LeaseRef, RunResult, Store } from '../stores/store.interface.js';
import { waitingRun } from './waiting-run.js';

/** How long a full group is left alone, in milliseconds: where the store tells that a slot was freed, and where not. */
const RETRY_PUSHED_MS = 5_000;
const RETRY_POLLED_MS = 1_000;

/** How soon after it was found full a wake-up, which says nothing of groups, has a group asked about again, in milliseconds. */
const RETRY_WOKEN_MS = 100;

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

type SlotStore = Pick<Store, 'transact' | 'addTasks' | 'capabilities'>;

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
    for (const mark of this.#full.values()) mark.retryAt = Math.min(mark.retryAt, mark.since + RETRY_WOKEN_MS);
  }

  /**
   * Counts slots for one claim. The function says whether a run may start: when it is of no group, or there is a slot for
   * it in hand; where there is none, one is wished for. `undo` takes the last yes back.
   */
  counter(): { readonly take: (policies: TaskPolicies) => boolean; readonly undo: (policies: TaskPolicies) => void } {
    const oldest = this.clock.monotonic() - this.leaseMs / 2;
    // A slot that was had long ago might run out before the lease of the run that uses it.
    const left = new Map(
      [...this.#free].map(([group, slots]) => [group, slots.filter(({ askedAt }) => askedAt > oldest)]),
    );
    const last: FreeSlot[] = [];
    this.#wishes = new Map();
    return {
      take: ({ group, groupLimit }) => {
        if (group === null) return true;
        const slots = left.get(group) ?? [];
        const at = slots.findIndex(({ rank }) => rank <= groupLimit);
        if (at >= 0) {
          last.push(...slots.splice(at, 1));
          return true;
        }
        const { count = 0, limit = 0 } = this.#wishes.get(group) ?? {};
        this.#wishes.set(group, { count: count + 1, limit: Math.max(limit, groupLimit) });
        return false;
      },
      undo: ({ group }) => {
        if (group !== null) left.get(group)?.push(last.pop()!);
      },
    };
  }

  /** The slot for a run that was claimed; null for one of no group. */
  assign({ definition }: TaskRecord): LeaseRef | null {
    const { group } = definition.policies;
    return group === null ? null : (this.#free.get(group)?.shift()?.ref ?? null);
  }

  /**
   * After a claim: gives up the slots that it did not use, and asks for those that it lacked. Returns whether another
   * claim may start something, now that slots are had or the groups that stood in the way are known to be full.
   */
  async settle(): Promise<boolean> {
    const wishes = this.#wishes;
    this.#wishes = new Map();
    const unused = new Map(
      [...this.#free].filter(([, slots]) => slots.length > 0).map(([group, slots]) => [groupRecordId(group), slots]),
    );
    if (wishes.size === 0 && unused.size === 0) return false;
    this.#free.clear();
    const wishOf = new Map([...wishes].map(([group, wish]) => [groupRecordId(group), { group, ...wish }]));
    const ids = [...new Set([...wishOf.keys(), ...unused.keys()])];
    const askedAt = this.clock.monotonic();
    /** What each call of `apply` came to: the last one counts. */
    const granted = new Map<string, { readonly slots: FreeSlot[]; readonly until: number }>();
    const change = (record: TaskRecord, now: number) => {
      const given = new Set(unused.get(record.id)?.map(({ ref }) => ref.token));
      const kept = record.state.live.filter(({ leaseUntil, token }) => leaseUntil! > now && !given.has(token));
      const { count = 0, limit = 0 } = wishOf.get(record.id) ?? {};
      const slots = this.#slots(record, now, Math.min(count, limit - kept.length), kept.length, askedAt);
      const until = Math.min(...kept.map(({ leaseUntil }) => leaseUntil! - now));
      granted.set(record.id, { slots: slots.map(({ free }) => free), until });
      if (slots.length === 0 && kept.length === record.state.live.length) return null;
      const live = [...kept, ...slots.map(({ run }) => run)];
      const lastToken = slots.at(-1)?.run.token ?? record.state.lastToken;
      return {
        task: { ...record, state: { ...record.state, updatedAt: now, live, lastToken } },
        history: [],
        value: null,
      };
    };
    const { missing } = await this.store.transact({ ids }, change);
    if (missing.length > 0) {
      await this.store.addTasks(missing.map((id) => internalRecord(id, 'who holds the slots of a group', [], 0)));
      await this.store.transact({ ids: missing }, change);
    }
    for (const [id, { group }] of wishOf) {
      const { slots, until } = granted.get(id) ?? { slots: [], until: Infinity };
      if (slots.length > 0) this.#free.set(group, slots);
      else this.#markFull(group, until);
    }
    return wishes.size > 0;
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

  #markFull(group: string, untilMs: number): void {
    const since = this.clock.monotonic();
    const longest = this.store.capabilities.wakeUp === 'pushed' ? RETRY_PUSHED_MS : RETRY_POLLED_MS;
    // A slot whose holder died comes free without anybody saying so.
    this.#full.set(group, { since, retryAt: since + Math.min(longest, Math.max(RETRY_WOKEN_MS, untilMs)) });
  }

  /** Gives up what is in hand. */
  async release(): Promise<void> {
    this.#wishes = new Map();
    await this.settle();
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
