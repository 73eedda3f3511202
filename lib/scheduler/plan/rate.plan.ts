import type { Apply } from '../../model/change.js';
import type { TaskRecord } from '../../model/task.js';

/** How many parts of `per` the times of an account are rounded up to: a bound on its size, and one percent of what is lost. */
const PARTS = 100;

/** How long a permit is valid at the most, in milliseconds. */
export const MAX_VALID_MS = 10_000;

/** An account is asked again when it has this share of its limit: permits that come back one by one would cost a call each. */
const SHARE = 1 / 20;

/** Starts that are counted: until when the last of them was, in milliseconds since the epoch, and how many. */
type Counted = readonly [until: number, count: number];

/** What became of permits that were granted before. */
export interface SettledPermits {
  /** The time at which they are counted, as it was granted. */
  readonly until: number;
  readonly granted: number;
  readonly used: number;
  /** By when the last of them was used, by the store's clock, in milliseconds since the epoch. */
  readonly usedUntil: number;
}

/** What a scheduler wants of an account. */
export interface RateRequest {
  readonly max: number;
  /** Milliseconds. */
  readonly perMs: number;
  /** How many permits it wants. */
  readonly count: number;
  /** How long they are to be valid, in milliseconds. */
  readonly validMs: number;
  readonly settled: readonly SettledPermits[];
}

/** What was granted. */
export interface Permits {
  readonly count: number;
  /** The time at which they are counted. */
  readonly until: number;
  /** Whether so much of the limit is used that it is worth a call to tell by when they were. */
  readonly isTight: boolean;
}

/**
 * Grants starts: as many as are wanted, and no more than `max` less those that are counted within `perMs`. A permit is counted at the
 * end of its validity, until it is known when it was used.
 *
 * @returns The plan. Its value is what was granted.
 */
export function changeRate(request: RateRequest): Apply<Permits> {
  const { max, count, validMs, settled } = request;
  const part = partOf(request);
  return (record, now) => {
    const until = roundedUp(now + validMs, part);
    let counted = countedOf(record, request, now);
    for (const permits of settled) counted = settle(counted, permits, part);
    const granted = Math.max(0, Math.min(count, max - sumOf(counted)));
    // What was counted before a step back of the clock is written as it counts now, or it would count so for ever.
    const isMended = record.definition.args.some((pair) => isPair(pair) && pair[0] > latestAt(now, part));
    if (granted === 0 && settled.length === 0 && !isMended) return null;
    if (granted > 0) counted = added(counted, [until, granted]);
    const { definition, state } = record;
    const args = counted.filter(([at]) => isCounted(at, request, now));
    const task = { ...record, definition: { ...definition, args }, state: { ...state, updatedAt: now } };
    return { task, value: { count: granted, until, isTight: sumOf(counted) > max / 2 } };
  };
}

/**
 * When an account has, or may have, as many permits again as are worth asking for, in milliseconds from now. Those that somebody else
 * has and has not used are given back before the end of their validity.
 */
export function permitsAgainMs(record: TaskRecord, request: RateRequest, now: number): number {
  const open = record.definition.args.filter(isPair).find(([until]) => until > now);
  return Math.min(freeAgainMs(record, request, now), open ? open[0] - now : Infinity);
}

function freeAgainMs(record: TaskRecord, request: RateRequest, now: number): number {
  const { max, perMs, count } = request;
  const counted = countedOf(record, request, now);
  let missing = Math.min(Math.max(1, count), Math.max(1, Math.floor(max * SHARE))) + sumOf(counted) - max;
  for (const [until, starts] of counted) {
    if (missing <= 0) return 0;
    missing -= starts;
    if (missing <= 0) return until + perMs + 1 - now;
  }
  return 0;
}

/**
 * Removes the record of an account that nobody has used for a while.
 *
 * @param idleMs How long that is at the least, in milliseconds.
 */
export function forgetRate(idleMs: number): Apply<null> {
  return ({ state }, now) => (now - state.updatedAt >= idleMs ? { task: null, value: null } : null);
}

/** What counts, in the order of time. After a step back of the store's clock nothing counts for longer than what could be granted now. */
function countedOf({ definition: { args } }: TaskRecord, rate: RateRequest, now: number): Counted[] {
  const latest = latestAt(now, partOf(rate));
  return args
    .filter(isPair)
    .filter(([until]) => isCounted(until, rate, now))
    .map(([until, count]): Counted => [Math.min(until, latest), count])
    .sort(([a], [b]) => a - b);
}

/** No permit is counted later than this. */
function latestAt(now: number, part: number): number {
  return roundedUp(now + MAX_VALID_MS, part);
}

function isPair(value: unknown): value is Counted {
  return Array.isArray(value) && value.length === 2 && value.every((part) => Number.isFinite(part));
}

/** A start counts as long as another one now would lie in a window of the length `perMs` with it. */
function isCounted(until: number, { perMs }: RateRequest, now: number): boolean {
  return until + perMs >= now;
}

/**
 * Counts permits at the time at which they were used. They are taken from the first ones that are counted where they were, or
 * later: so no start is counted earlier than it was, whatever was put together since.
 */
function settle(counted: readonly Counted[], { until, granted, used, usedUntil }: SettledPermits, part: number) {
  let left = granted;
  const kept = counted.map(([at, count]): Counted => {
    const taken = at < until ? 0 : Math.min(left, count);
    left -= taken;
    return [at, count - taken];
  });
  const rest = kept.filter(([, count]) => count > 0);
  return used === 0 ? rest : added(rest, [Math.min(until, roundedUp(usedUntil, part)), used]);
}

function added(counted: readonly Counted[], [until, count]: Counted): Counted[] {
  const there = sumOf(counted.filter(([at]) => at === until));
  return [...counted.filter(([at]) => at !== until), [until, there + count] as const].sort(([a], [b]) => a - b);
}

function sumOf(counted: readonly Counted[]): number {
  return counted.reduce((sum, [, count]) => sum + count, 0);
}

function partOf({ perMs }: RateRequest): number {
  return Math.max(1, Math.floor(perMs / PARTS));
}

function roundedUp(time: number, part: number): number {
  return Math.ceil(time / part) * part;
}
