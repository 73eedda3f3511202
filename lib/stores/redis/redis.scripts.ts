import { createHash, randomBytes } from 'node:crypto';
import type { Logger } from '../../model/logger.js';
import type { RedisClient } from './redis.address.js';
import type { RedisConnection } from './redis.connection.js';
import { batchesOf, entryTexts, jsonText, outcomeOf } from './redis.entries.js';
import type { Entry, EntryText, Outcome } from './redis.entries.js';
import { inFlight, slicesOf } from './redis.slices.js';
import type { RedisKeys } from './redis.keys.js';
import type { StoredParts, StoredRun } from './redis.records.js';
import { partsOf, runsOf } from './redis.rows.js';
import type { Rows } from './redis.rows.js';
import type { ExchangeAnswer, Extras, Peeked, PeekRequest } from './redis.calls.js';
import { EXCHANGE } from './scripts/exchange.lua.js';
import { JOURNAL_PAGE, JOURNAL_PRUNE } from './scripts/journal.lua.js';
import { PRUNE, RUN_ATTEMPTS, RUN_PAGE } from './scripts/history.lua.js';
import { DUE_COUNT, DUE_ROWS, PAGE, READ, SCAN, START_PAGE } from './scripts/read.lua.js';
import { CHECK, CLEAR, HEARTBEAT, MEMBERS, NOW, RETIRE } from './scripts/store.lua.js';

const SCRIPTS = {
  EXCHANGE,
  READ,
  SCAN,
  PAGE,
  START_PAGE,
  DUE_ROWS,
  DUE_COUNT,
  RUN_PAGE,
  RUN_ATTEMPTS,
  PRUNE,
  JOURNAL_PAGE,
  JOURNAL_PRUNE,
  CHECK,
  NOW,
  CLEAR,
  HEARTBEAT,
  RETIRE,
  MEMBERS,
} as const;

type ScriptName = keyof typeof SCRIPTS;

/** By a name that no other version of this library uses for another script: a client may serve both. */
const COMMANDS = Object.fromEntries(
  Object.entries(SCRIPTS).map(([name, lua]) => [
    name,
    `asyncz_${name.toLowerCase()}_${createHash('sha1').update(lua).digest('hex').slice(0, 8)}`,
  ]),
) as Record<ScriptName, string>;

/** How many tasks one call reads at the most. */
const READ_BATCH = 250;

type Value = string | number;

/** The scripts, with their arguments and answers in types. */
export class RedisScripts {
  /** Tells this store's writes and messages from those of all others. */
  readonly sender = randomBytes(9).toString('base64url');
  #calls = 0;

  constructor(
    readonly connection: RedisConnection,
    private readonly keys: RedisKeys,
    /** The largest text that is read, in bytes. */
    private readonly maxBytes: number,
    private readonly logger: Logger,
  ) {
    for (const name of Object.keys(SCRIPTS) as ScriptName[]) {
      const command = COMMANDS[name];
      if (command in connection.client) continue;
      connection.client.defineCommand(command, { numberOfKeys: keys.all.length, lua: SCRIPTS[name] });
    }
  }

  /** A text that was never used before. */
  nonce(): string {
    this.#calls += 1;
    return `${this.sender}.${this.#calls.toString(36)}`;
  }

  /** Returns what holds something else than it should, in words, or null. */
  async check(): Promise<string | null> {
    const [, key, kind, expected] = await this.#call<[string, string?, string?, string?]>('CHECK', []);
    return key === undefined
      ? null
      : `the key "${key}" holds a ${kind}, not a ${expected}; it belongs to something else`;
  }

  async now(): Promise<number> {
    return Number(await this.#call<string>('NOW', []));
  }

  /** Writes entries that one call may be given, and does what else is asked for. */
  async exchange(entries: readonly Entry[], extras: Extras): Promise<ExchangeAnswer> {
    const { write, texts } = entries.length > 0 ? entryTexts(entries) : { write: undefined, texts: [] };
    const request = jsonText({ write, ...extras });
    type Answer = [string, Value[], Count, Rows | null, PeekAnswer | null, Count];
    const answer = await this.#call<Answer>('EXCHANGE', [request, ...texts]);
    const [now, refused, lookedAt, rows, next, strays] = answer;
    this.#tellOf(strays);
    const outcomes: Outcome[] = entries.map(() => 'ok');
    for (let at = 0; at < refused.length; at += 2)
      outcomes[Number(refused[at]) - 1] = outcomeOf(String(refused[at + 1]));
    return {
      now: Number(now),
      outcomes,
      lookedAt: Number(lookedAt),
      rows: partsOf(rows),
      peeked: next && this.#peeked(Number(now), next),
    };
  }

  /**
   * Writes all entries, in as few calls as their size allows. Never rejects: an error is the outcome of its batch.
   *
   * @param peek What to look for in the same call, where there is only one.
   */
  async write(entries: readonly Entry[], peek?: PeekRequest): Promise<{ outcomes: Outcome[]; peeked: Peeked | null }> {
    const batches = batchesOf(entries);
    const extras = peek && batches.length === 1 ? { peek } : {};
    let peeked: Peeked | null = null;
    const outcomes = await inFlight(batches, async (batch) => {
      try {
        const answer = await this.exchange(batch, extras);
        peeked = answer.peeked;
        return answer.outcomes;
      } catch (error) {
        return batch.map(() => error as Error);
      }
    });
    return { outcomes: outcomes.flat(), peeked };
  }

  async peek(peek: PeekRequest): Promise<Peeked> {
    return (await this.exchange([], { peek })).peeked!;
  }

  /** Members of the index of due times that the store has not put there: no task is lost, and somebody should know. */
  #tellOf(strays: Count): void {
    if (Number(strays) === 0) return;
    this.logger.warn(
      `${strays} entries of the index of due times were not written by this library, and hid all others; they were mended.`,
    );
  }

  #peeked(now: number, [parked, time, rows, blocked]: PeekAnswer): Peeked {
    return {
      now,
      parked: partsOf(parked),
      time: time === null ? null : Number(time),
      rows: partsOf(rows),
      blocked,
    };
  }

  async read(ids: readonly string[]): Promise<{ now: number; rows: StoredParts[] }> {
    const slices = slicesOf(ids, READ_BATCH);
    const answers = await inFlight(slices, (slice) => this.#call<[string, Rows]>('READ', slice));
    return { now: Number(answers.at(-1)![0]), rows: answers.flatMap(([, rows]) => partsOf(rows)) };
  }

  /** All tasks in parts, in no order; one may come twice. */
  async *scan(wholeRows: boolean): AsyncGenerator<StoredParts[]> {
    let cursor = '0';
    do {
      const args = [cursor, READ_BATCH, wholeRows ? 1 : 0];
      const [next, rows]: [string, Rows] = await this.#call<[string, Rows]>('SCAN', args);
      cursor = next;
      yield partsOf(rows);
    } while (cursor !== '0');
  }

  async page(
    offset: number,
    limit: number,
    descending: boolean,
  ): Promise<{ total: number; known: number; rows: StoredParts[] }> {
    const rows: StoredParts[] = [];
    for (;;) {
      const wanted = Math.min(READ_BATCH, limit - rows.length);
      const args = [offset + rows.length, wanted, descending ? 1 : 0];
      const [total, known, cells] = await this.#call<[Count, Count, Rows]>('PAGE', args);
      const found = partsOf(cells);
      rows.push(...found);
      if (found.length < wanted || rows.length >= limit) return { total: Number(total), known: Number(known), rows };
    }
  }

  /** Tasks that a start looks for: those whose members begin with `prefix`, behind `after`. */
  async startPage(prefix: string, after: string, limit: number): Promise<{ rows: StoredParts[]; next: string | null }> {
    const [rows, next] = await this.#call<[Rows, string]>('START_PAGE', [prefix, after, Math.min(limit, READ_BATCH)]);
    return { rows: partsOf(rows), next: next === '' ? null : next };
  }

  /** Rows that are due up to a time, and in which queues; `codecs` says which queues. */
  async *dueRows(to: string, codecs: readonly string[]): AsyncGenerator<StoredParts[]> {
    let queue = '';
    let after = '';
    do {
      const args = [to, READ_BATCH, JSON.stringify(codecs), queue, after];
      const answer: [Rows, string, string] = await this.#call<[Rows, string, string]>('DUE_ROWS', args);
      yield partsOf(answer[0]);
      [, queue, after] = answer;
    } while (queue !== '');
  }

  /** How many tasks are due up to a time in queues of these codecs. */
  async countDue(to: string, codecs: readonly string[]): Promise<number> {
    return Number(await this.#call<Count>('DUE_COUNT', [to, JSON.stringify(codecs)]));
  }

  /** Ended runs from `min` to `max`, bounds as ZRANGEBYLEX takes them; of the task behind `=`, or of all when `task` is empty. */
  async runPage(task: string, kinds: string, min: string, max: string, count: number) {
    const [found, last, runs] = await this.#call<[Count, string, string[]]>('RUN_PAGE', [task, kinds, min, max, count]);
    return { found: Number(found), last, runs: runsOf(runs) };
  }

  async runAttempts(runId: string): Promise<StoredRun[]> {
    return runsOf(await this.#call('RUN_ATTEMPTS', [runId]));
  }

  async prune(
    limit: number,
    what: ['ended', failed: string, others: string] | ['count', which: 'all' | 'others', keep: number],
  ): Promise<number> {
    return Number(await this.#call<Count>('PRUNE', [limit, ...what]));
  }

  /** Entries of the journal from `max` down to `min`, bounds of ids as ZRANGEBYLEX takes them; of the task behind `=`, or of all. */
  journalPage(
    task: string,
    min: string,
    max: string,
    count: number,
  ): Promise<[ids: string[], texts: (string | null)[]]> {
    return this.#call('JOURNAL_PAGE', [task, min, max, count]);
  }

  async pruneJournal(limit: number, before: string, keep: number | null): Promise<number> {
    return Number(await this.#call<Count>('JOURNAL_PRUNE', [limit, before, keep ?? '']));
  }

  async clear(journal: readonly EntryText[] = []): Promise<number> {
    return Number(
      await this.#call<Count>(
        'CLEAR',
        journal.flatMap(({ id, text }) => [id, text]),
      ),
    );
  }

  async heartbeat(identity: string, json: string): Promise<void> {
    await this.#call('HEARTBEAT', [identity, json]);
  }

  async retire(identity: string): Promise<void> {
    await this.#call('RETIRE', [identity]);
  }

  async members(): Promise<string[]> {
    return this.#call<string[]>('MEMBERS', []);
  }

  #call<T>(name: ScriptName, args: readonly Value[]): Promise<T> {
    type Commands = Record<string, (...args: Value[]) => Promise<T>>;
    return this.connection.run((client: RedisClient) =>
      (client as unknown as Commands)[COMMANDS[name]]!(...this.keys.all, ...args, this.maxBytes),
    );
  }
}

/** A number, which a client with `stringNumbers` gives as text. */
type Count = number | string;

type PeekAnswer = [parked: Rows | null, time: string | null, rows: Rows | null, blocked: string[]];
