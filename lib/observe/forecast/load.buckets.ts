import { InvalidOptionError } from '../../errors/input.errors.js';
import type { TimeZone } from '../../time/time-zone.js';
import type { ForecastBucket } from './forecast.js';

const DAY_MS = 86_400_000;

/** How many buckets there may be. */
const MAX_BUCKETS = 1_000;

/** After how many of its steps a sweep gives others a turn. */
const TURN = 20_000;

/** Counts runs by the time that they are under way in. */
export class LoadBuckets {
  /** The start of each bucket, and the end of the last one. */
  readonly #edges: readonly number[];
  readonly #starts: number[];
  readonly #busyMs: number[];
  /** When runs start and end, of those that are found one by one. */
  readonly #began: number[] = [];
  readonly #over: number[] = [];

  /** @throws InvalidOptionError When there are too many. */
  constructor(from: number, to: number, bucketMs: number, zone: TimeZone) {
    if ((to - from) / bucketMs > MAX_BUCKETS)
      throw new InvalidOptionError(
        'bucket',
        bucketMs,
        `a duration that makes at most ${MAX_BUCKETS} buckets of this range`,
      );
    this.#edges = edgesOf(from, to, bucketMs, zone);
    this.#starts = this.#edges.slice(1).map(() => 0);
    this.#busyMs = this.#edges.slice(1).map(() => 0);
  }

  /** The start and the end of each bucket. */
  *spans(): Generator<readonly [start: number, end: number], void, undefined> {
    for (let at = 1; at < this.#edges.length; at += 1) yield [this.#edges[at - 1]!, this.#edges[at]!];
  }

  /** Adds a run that starts at a time and takes so long. */
  add(at: number, durationMs: number): void {
    const first = this.#indexOf(at);
    this.#starts[first]! += 1;
    this.#began.push(at);
    this.#over.push(at + durationMs);
    this.#spread(at, durationMs, 1);
  }

  /** Adds many runs that start somewhere within a bucket. */
  addMany(start: number, count: number, durationMs: number): void {
    this.#starts[this.#indexOf(start)]! += count;
    this.#spread(start, durationMs, count);
  }

  #spread(at: number, durationMs: number, count: number): void {
    const end = at + durationMs;
    for (let index = this.#indexOf(at); index < this.#starts.length && this.#edges[index]! < end; index += 1) {
      const within = Math.min(end, this.#edges[index + 1]!) - Math.max(at, this.#edges[index]!);
      this.#busyMs[index]! += within * count;
    }
  }

  /** The bucket of a time within the range. */
  #indexOf(time: number): number {
    let [low, high] = [0, this.#starts.length - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.#edges[middle]! <= time) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  async result(zone: TimeZone): Promise<readonly ForecastBucket[]> {
    const peaks = await this.#peaks();
    return [...this.spans()].map(([start, end], index) => ({
      start: new Date(start),
      end: new Date(end),
      local: new Date(start + zone.offsetAt(start)).toISOString().slice(0, 16),
      starts: this.#starts[index]!,
      busyMs: Math.round(this.#busyMs[index]!),
      average: Math.round((this.#busyMs[index]! / (end - start)) * 100) / 100,
      peak: peaks[index]!,
    }));
  }

  /** How many are under way at a time at the most, in each bucket. */
  async #peaks(): Promise<readonly number[]> {
    const began = Float64Array.from(this.#began).sort();
    await new Promise(setImmediate);
    const over = Float64Array.from(this.#over).sort();
    const peaks = this.#starts.map(() => 0);
    let [underWay, ended, steps] = [0, 0, 0];
    let at = 0;
    for (const [index, [start, end]] of [...this.spans()].entries()) {
      while (ended < over.length && over[ended]! <= start) [ended, underWay] = [ended + 1, underWay - 1];
      peaks[index] = Math.max(0, underWay);
      for (; at < began.length && began[at]! < end; at += 1) {
        while (ended < over.length && over[ended]! <= began[at]!) [ended, underWay] = [ended + 1, underWay - 1];
        underWay += 1;
        peaks[index] = Math.max(peaks[index]!, underWay);
        steps += 1;
        if (steps % TURN === 0) await new Promise(setImmediate);
      }
    }
    return peaks;
  }
}

/** From the start to the end of the range, with the full hours or days of the zone in between. */
function edgesOf(from: number, to: number, bucketMs: number, zone: TimeZone): readonly number[] {
  const edges = [from];
  // A day is not always as long as a day.
  const isDays = bucketMs % DAY_MS === 0;
  const local = from + zone.offsetAt(from);
  const floor = Math.floor(local / bucketMs) * bucketMs;
  const first = floor - zone.offsetAt(from);
  for (let number = 1; ; number += 1) {
    const edge = isDays ? zone.fromLocal(floor + number * bucketMs).time : first + number * bucketMs;
    if (edge >= to) break;
    if (edge > edges.at(-1)!) edges.push(edge);
  }
  return [...edges, to];
}
