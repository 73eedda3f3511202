import type { UnreadableTask } from '../../model/task.js';
import type { DueFilter, DueOrder } from '../selection.interface.js';
import { ignore } from './redis.connection.js';
import { BATCH, batchesOf } from './redis.entries.js';
import type { Entry, Outcome } from './redis.entries.js';
import { PARK_MS, queueFilter, timeText } from './redis.place.js';
import type { LoadedTask, RedisRecordsCodec } from './redis.records-codec.js';
import type { ExchangeAnswer, Peeked, PeekRequest, TakeRequest } from './redis.calls.js';
import type { RedisScripts } from './redis.scripts.js';

/** For how long after the first call more is taken, as a part of how long the tasks are held. */
const SHARE_OF_HOLD = 0.5;

/** Which due tasks are taken, and for how long, in milliseconds. */
export interface DueTasks extends DueFilter {
  readonly limit: number;
  readonly order?: DueOrder | undefined;
}

/** Who takes them: an owner under a lease, or nobody, by a reservation. */
export type Taking = DueTasks & Pick<TakeRequest, 'token' | 'owner' | 'hold'>;

/** A task that was taken, as it was before. */
export interface TookTask extends LoadedTask {
  /** When, in milliseconds since the epoch: its token and its lease are made of this. Each call has a time of its own. */
  readonly takenAt: number;
}

/** What was taken. */
export interface TookDue {
  /** When the first call was carried out. */
  readonly storeNow: number;
  readonly tasks: readonly TookTask[];
  readonly unreadable: readonly UnreadableTask[];
  /** What gives those back that cannot be read, and puts them aside. */
  readonly parked: readonly Entry[];
  readonly peeked: Peeked | null;
  /** What became of the entries that were written before. */
  readonly outcomes: readonly Outcome[];
}

/** What else is in the calls of a taking. */
interface Around {
  /** What is written first. */
  readonly entries?: readonly Entry[];
  /** What to look for behind it. */
  readonly peek?: PeekRequest;
}

/**
 * Takes due tasks, and goes on behind those that cannot be read. What is written before goes along with the first call that
 * takes.
 */
export async function takeDue(
  scripts: RedisScripts,
  records: RedisRecordsCodec,
  readable: readonly string[],
  { limit, order = 'priority', token, owner, hold, ...filter }: Taking,
  { entries = [], peek }: Around = {},
): Promise<TookDue> {
  const tasks: TookTask[] = [];
  const unreadable: UnreadableTask[] = [];
  const parked: Entry[] = [];
  const request = { token, owner, hold, order, ...queueFilter(readable, filter) };
  let calls = 0;
  const ask = (open: number, before: readonly Entry[]) => {
    const wanted = Math.min(open, BATCH);
    calls += 1;
    // Each call makes batches of its own.
    const take = { ...request, token: `${token}:${calls}`, limit: wanted };
    const answer = scripts.exchange(before, { take, ...(peek && { peek }) });
    // Awaited below, perhaps not before it has failed.
    answer.catch(ignore);
    return { wanted, answer };
  };
  const batches = batchesOf(entries);
  // On one connection they are carried out in this order.
  const earlier = batches.slice(0, -1).map((batch) => outcomesOf(scripts, batch));
  let asked = ask(Math.max(0, limit), batches.at(-1) ?? []);
  let first: ExchangeAnswer | null = null;
  for (;;) {
    const answer = await asked.answer;
    const { now, lookedAt, rows, peeked } = answer;
    first ??= answer;
    const more = lookedAt >= asked.wanted && now - first.now < hold * SHARE_OF_HOLD;
    const open = limit - tasks.length - rows.length;
    // Redis takes the next ones while these are decoded.
    const next = more && open > 0 ? ask(open, []) : null;
    for (const parts of rows) {
      const loaded = records.load(parts);
      if ('unreadable' in loaded) {
        unreadable.push(loaded);
        parked.push({ what: 'park', id: parts.id, token, taken: parts.taken, until: timeText(now + PARK_MS) });
      } else {
        tasks.push({ ...loaded, takenAt: now });
      }
    }
    if (next) asked = next;
    else if (more && tasks.length < limit) asked = ask(limit - tasks.length, []);
    else {
      const outcomes = [...(await Promise.all(earlier)).flat(), ...first.outcomes];
      return { storeNow: first.now, tasks, unreadable, parked, peeked, outcomes };
    }
  }
}

async function outcomesOf(scripts: RedisScripts, batch: readonly Entry[]): Promise<Outcome[]> {
  try {
    return (await scripts.exchange(batch, {})).outcomes;
  } catch (error) {
    return batch.map(() => error as Error);
  }
}
