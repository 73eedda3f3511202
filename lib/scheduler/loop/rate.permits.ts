import { DUE_KEYS } from '../../model/due-keys.js';
import type { Clock } from '../../model/clock.js';
import { INTERNAL_PREFIX } from '../../model/definition.js';
import type { TaskDefinition } from '../../model/definition.js';
import { rateAccountOf, rateNeedOf } from '../../model/limits.js';
import { changeInternal } from '../../stores/internal.record.js';
import type { Store } from '../../stores/store.interface.js';
import { changeRate, forgetRate, MAX_VALID_MS, permitsAgainMs } from '../plan/rate.plan.js';
import type { Permits, RateRequest, SettledPermits } from '../plan/rate.plan.js';
import { FullLimits } from './full.limits.js';

/** How long a permit is valid: a share of the time of its limit, within these bounds, in milliseconds. */
const VALID_SHARE = 1 / 50;
const SHORTEST_VALID_MS = 500;
const LONGEST_VALID_MS = 2_000;

/** By how much longer they are valid at the most, where runs get to start so late that they do not. */
const MOST_PATIENCE = 16;

/** When an account is asked again whose record cannot be read or was not written, in milliseconds. */
const RETRY_UNREADABLE_MS = 5_000;
const RETRY_FAILED_MS = 100;

/** After how long without use the record of an account is removed, in milliseconds; after `per`, where that is longer. */
const FORGET_MS = 3_600_000;

/** How many uses of permits are kept per account until they are told, at the most. Others count until the end of their validity. */
const MOST_SETTLED = 16;

/** The id of the record in which the starts of an account are counted. */
export function rateRecordId(account: string): string {
  return `${INTERNAL_PREFIX}rate:${account}`;
}

/** The right to start a run, of all runs that have theirs by one answer of the store. */
export interface StartPermit {
  /** A run that has not started by then does not, on the monotonic clock. */
  startBy: number;
  /** How many runs that had one did not start. */
  unused: number;
}

/** The permits of one limit that no run has yet, all granted by one answer. */
interface Unused {
  readonly account: string;
  readonly permit: StartPermit;
  readonly granted: number;
  left: number;
  readonly until: number;
  readonly isTight: boolean;
  /** By the store's clock. */
  readonly grantedAt: number;
  /** On the monotonic clock. */
  readonly askedAt: number;
  readonly validMs: number;
}

/** What the tasks want that wait for permits of one limit. */
interface Wanted {
  readonly need: string;
  readonly account: string;
  readonly max: number;
  readonly perMs: number;
  count: number;
  readonly dueKey: RateLane;
  readonly lanes: Set<string>;
}

/** The due key by which claims leave out what waits for permits. */
type RateLane = 'group' | 'key';

type RateStore = Pick<Store, 'transact' | 'addTasks' | 'deleteTask'>;

/**
 * The rate limits of tasks (`rateLimit`) in the whole cluster, as permits: each start of a limited run needs one, which is valid for a
 * short time. They are granted in batches by the account of the limit, which counts them until a time after which none of
 * them is used: see ADR 88.
 */
export class RatePermits {
  readonly #unused = new Map<string, Unused>();
  /** By the due key by which claims leave out what waits. */
  readonly #full: Readonly<Record<RateLane, FullLimits>>;
  /** What became of permits, by account, for the next question. */
  readonly #settled = new Map<string, SettledPermits[]>();
  /** When accounts were last asked, on the monotonic clock, and for what time they count, in milliseconds. */
  readonly #usedAt = new Map<string, { readonly at: number; readonly perMs: number }>();
  /** By how much longer permits are valid than usual. */
  #patience = 1;

  constructor(
    private readonly store: RateStore,
    private readonly clock: Clock,
  ) {
    this.#full = { group: new FullLimits(clock), key: new FullLimits(clock) };
  }

  /** What claims leave out for now, of a due key. */
  full(key: RateLane): readonly string[] {
    return this.#full[key].lanes();
  }

  /** How long no account has to be asked again, in milliseconds. */
  untilRetry(): number {
    return Math.min(this.#full.group.untilRetry(), this.#full.key.untilRetry());
  }

  /** Brings in the permits that no run has yet, by what needs them. */
  addRoom(room: Map<string, readonly number[]>): void {
    const now = this.clock.monotonic();
    for (const [need, { left, askedAt, validMs }] of this.#unused) {
      // The runs of a claim start a moment after it was asked for.
      const isFresh = now - askedAt <= validMs / 2;
      const ranks = Array.from({ length: isFresh ? left : 0 }, () => 0);
      room.set(need, ranks);
    }
  }

  /** Whether there are permits that no run has yet. */
  hasUnused(): boolean {
    for (const { left } of this.#unused.values()) if (left > 0) return true;
    return false;
  }

  /** Whether there are permits of which the store does not know by when they were used. */
  hasOpen(): boolean {
    return this.#unused.size > 0;
  }

  /** The permit of a run that was claimed within the room; undefined where it was given back since, null where none is needed. */
  take(definition: TaskDefinition): StartPermit | null | undefined {
    const need = rateNeedOf(definition);
    if (need === null) return null;
    const unused = this.#unused.get(need);
    if (!unused || unused.left === 0) return undefined;
    unused.left -= 1;
    return unused.permit;
  }

  /**
   * After a claim, when its runs have started: gives back the permits that they did not use, and asks for those that were lacking.
   * What is given back cannot be used any more, whatever the store answers.
   *
   * @param waiting The tasks that wait for room alone.
   * @returns Whether any were wanted, and whether any were given back that other schedulers may wait for.
   */
  async settle(waiting: readonly TaskDefinition[]): Promise<{ readonly wanted: boolean; readonly hasFreed: boolean }> {
    const wanted = wantedOf(waiting);
    const accounts = new Set(wanted.keys());
    let hasFreed = false;
    for (const [need, unused] of this.#unused) {
      const isUsed = this.#close(need, unused);
      hasFreed ||= !isUsed;
      // Others wait for what was given back, or until what was used counts no more.
      if (!isUsed || unused.isTight) accounts.add(unused.account);
    }
    if (accounts.size > 0) await this.#ask([...accounts], wanted);
    return { wanted: wanted.size > 0, hasFreed };
  }

  async #ask(accounts: readonly string[], wanted: ReadonlyMap<string, Wanted>): Promise<void> {
    const askedAt = this.clock.monotonic();
    const requests = new Map(accounts.map((account) => [rateRecordId(account), this.#request(account, wanted)]));
    const records = { ids: [...requests.keys()], name: 'which starts count against a rate limit' };
    const { committed, left, failed, storeNow } = await changeInternal<Permits>(
      this.store,
      records,
      (record, now, decided) => changeRate(requests.get(record.id)!)(record, now, decided),
    );
    const granted = new Map(committed.map(({ id, value }) => [id, value]));
    const states = new Map([...committed.map(({ task }) => task!), ...left].map((record) => [record.id, record]));
    const unwritten = new Set(failed.map(({ id }) => id));
    for (const { need, account, dueKey, lanes, perMs } of wanted.values()) {
      const id = rateRecordId(account);
      const request = requests.get(id)!;
      this.#usedAt.set(account, { at: askedAt, perMs });
      const permits = granted.get(id);
      const record = states.get(id);
      if (permits && permits.count > 0)
        this.#keep(need, account, permits, { askedAt, storeNow, validMs: request.validMs });
      else if (record) this.#full[dueKey].mark(need, permitsAgainMs(record, request, storeNow), lanes);
      else this.#full[dueKey].mark(need, unwritten.has(id) ? RETRY_FAILED_MS : RETRY_UNREADABLE_MS, lanes);
    }
  }

  #request(account: string, wanted: ReadonlyMap<string, Wanted>): RateRequest {
    const settled = this.#settled.get(account) ?? [];
    // Told once: if the answer is lost, nobody knows whether it was heard.
    this.#settled.delete(account);
    const { max = 0, perMs = this.#usedAt.get(account)!.perMs, count = 0 } = wanted.get(account) ?? {};
    return { max, perMs, count, validMs: this.#validMs(perMs), settled };
  }

  #keep(
    need: string,
    account: string,
    { count, until, isTight }: Permits,
    { askedAt, storeNow, validMs }: { readonly askedAt: number; readonly storeNow: number; readonly validMs: number },
  ): void {
    const other = this.#unused.get(need);
    // A claim beside the loop has got some at the same time.
    if (other) this.#close(need, other);
    const permit = { startBy: askedAt + validMs, unused: 0 };
    this.#unused.set(need, {
      account,
      permit,
      granted: count,
      left: count,
      until,
      isTight,
      grantedAt: storeNow,
      askedAt,
      validMs,
    });
  }

  /** Nothing starts with these permits any more: notes by when they were used. Returns whether all were. */
  #close(need: string, { account, permit, granted, left, until, grantedAt, askedAt }: Unused): boolean {
    this.#unused.delete(need);
    // The grant came after the question, so the store's clock shows less than this.
    const now = grantedAt + Math.ceil(this.clock.monotonic() - askedAt) + 1;
    permit.startBy = -Infinity;
    const used = granted - left - permit.unused;
    this.#patience = permit.unused > 0 ? Math.min(MOST_PATIENCE, this.#patience * 2) : Math.max(1, this.#patience / 2);
    const settled = this.#settled.get(account) ?? [];
    if (settled.length === MOST_SETTLED) settled.shift();
    settled.push({ until, granted, used, usedUntil: Math.min(until, now) });
    this.#settled.set(account, settled);
    return used === granted;
  }

  #validMs(perMs: number): number {
    const usual = Math.min(LONGEST_VALID_MS, Math.max(SHORTEST_VALID_MS, Math.round(perMs * VALID_SHARE)));
    return Math.min(MAX_VALID_MS, usual * this.#patience);
  }

  /** Removes the records of accounts that nobody has used for long: their names may never return. */
  async forget(): Promise<void> {
    const now = this.clock.monotonic();
    for (const [account, { at, perMs }] of this.#usedAt) {
      const idleMs = Math.max(FORGET_MS, 2 * perMs);
      if (now - at < idleMs) continue;
      await this.store.transact({ ids: [rateRecordId(account)] }, forgetRate(idleMs));
      this.#usedAt.delete(account);
      this.#settled.delete(account);
    }
  }
}

/** What tasks want of each account. Where they have another limit than the first one, they have their turn when that is full. */
function wantedOf(waiting: readonly TaskDefinition[]): ReadonlyMap<string, Wanted> {
  const wanted = new Map<string, Wanted>();
  for (const definition of waiting) {
    const account = rateAccountOf(definition);
    if (account === null) continue;
    const need = rateNeedOf(definition)!;
    const { max, perMs, of } = definition.policies.rateLimit!;
    const dueKey = of === 'key' ? 'key' : 'group';
    const one = wanted.get(account) ?? { need, account, max, perMs, count: 0, dueKey, lanes: new Set() };
    wanted.set(account, one);
    if (one.need !== need) continue;
    one.count += 1;
    const lane = DUE_KEYS[dueKey](definition);
    if (lane !== null) one.lanes.add(lane);
  }
  return wanted;
}
