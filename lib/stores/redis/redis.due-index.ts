import { dueTime } from '../../model/task.js';
import type { TaskRecord } from '../../model/task.js';
import type { DueFilter } from '../selection.interface.js';
import { codecName, PARK_MS, queueFilter, timeText } from './redis.place.js';
import { isMissing } from './redis.records.js';
import type { StoredParts } from './redis.records.js';
import type { RedisRecordsCodec } from './redis.records-codec.js';
import type { Entry } from './redis.entries.js';
import type { Peeked, PeekRequest } from './redis.calls.js';
import type { RedisScripts } from './redis.scripts.js';

/** How many rows of a queue are looked at when its first could not be read. */
const REVIEW_LIMIT = 50;

/** How often at the most, before the time of a record that may be unreadable is good enough. */
const MAX_REVIEWS = 200;

/** How many records of a kind that this process cannot read are reported when they are met for the first time. */
const REPORT_LIMIT = 100;

/** The reading side of the index of due times. */
export class RedisDueIndex {
  readonly #reported = new Set<string>();

  constructor(
    private readonly scripts: RedisScripts,
    private readonly records: RedisRecordsCodec,
    private readonly readable: () => readonly string[],
  ) {}

  /** What to ask for in front of the queues that the filter lets through. */
  request(filter: DueFilter, limit = 1): PeekRequest {
    return { limit, ...queueFilter(this.readable(), filter) };
  }

  /**
   * The earliest due time of the readable tasks that the filter lets through: one script, unless a damaged record is in
   * front.
   *
   * @param seen What {@link request} has found just now, where it was asked for with something else.
   */
  async nextDue(filter: DueFilter, seen: Peeked | null = null): Promise<number | null> {
    if (filter.handlers?.length === 0) return null;
    let peeked = seen ?? (await this.scripts.peek(this.request(filter)));
    for (let review = 1; ; review += 1) {
      const { now, parked, time, rows, blocked } = peeked;
      if (blocked.length > 0) await this.#report(blocked);
      const bad = parked.length > 0 ? parked : rows.filter((parts) => this.#isUnreadable(parts));
      if (bad.length === 0 || review > MAX_REVIEWS) return time;
      await this.scripts.write(bad.map((parts) => this.#reviewed(parts, now, parked.length > 0)));
      peeked = await this.scripts.peek(this.request(filter, REVIEW_LIMIT));
    }
  }

  /** How many tasks of readable kinds are due by `now`, counted up to `atMost`. */
  async count(now: number, atMost: number): Promise<number> {
    return Math.min(await this.scripts.countDue(timeText(now), this.readable().map(codecName)), atMost);
  }

  /** Every readable task that is due by `now`, in no order. */
  async dueTasks(now: number): Promise<TaskRecord[]> {
    const due: TaskRecord[] = [];
    for await (const rows of this.scripts.dueRows(timeText(now), this.readable().map(codecName))) {
      for (const parts of rows) {
        const loaded = this.records.load(parts);
        if ('unreadable' in loaded) continue;
        const { task } = loaded;
        if ((dueTime(task.definition, task.state) ?? Infinity) <= now) due.push(task);
      }
    }
    return due;
  }

  #isUnreadable(parts: StoredParts): boolean {
    return isMissing(parts) || 'unreadable' in this.records.load(parts);
  }

  /** Puts a record that cannot be read aside, or one that can be read again back to its place. */
  #reviewed(parts: StoredParts, now: number, wasParked: boolean): Entry {
    return {
      what: 'review',
      id: parts.id,
      wasParked,
      until: this.#isUnreadable(parts) ? timeText(now + PARK_MS) : '',
    };
  }

  /** Reading them reports them. Once for each way of writing, or a wrong key would cost a query with every poll. */
  async #report(queues: readonly string[]): Promise<void> {
    for (const codec of new Set(queues.map((queue) => queue.split(' ')[1]!))) {
      if (this.#reported.has(codec)) continue;
      this.#reported.add(codec);
      let count = 0;
      for await (const rows of this.scripts.dueRows(timeText(Infinity), [codec])) {
        for (const parts of rows.slice(0, REPORT_LIMIT - count)) this.records.load(parts);
        count += rows.length;
        if (count >= REPORT_LIMIT) break;
      }
    }
  }
}
