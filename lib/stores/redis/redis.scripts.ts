import { createHash, randomBytes } from 'node:crypto';
import type { Logger } from '../../model/logger.js';
import type { RedisClient } from './redis.address.js';
import type { RedisConnection } from './redis.connection.js';
import { BATCH, batchesOf, entriesArgs, outcomeOf } from './redis.entries.js';
import type { Entry, Outcome } from './redis.entries.js';
import { filterArgs, listArgs } from './redis.arguments.js';
import { inFlight, slicesOf } from './redis.slices.js';
import { ServerClock } from './redis.server-clock.js';
import type { RedisKeys } from './redis.keys.js';
import type { StoredParts } from './redis.records.js';
import { PARKED_QUEUE } from './redis.place.js';
import type { QueueFilter } from './redis.place.js';
import type { DueOrder } from '../selection.interface.js';
import { RESERVE } from './scripts/claim.lua.js';
import { PRUNE, RUN_ATTEMPTS, RUN_PAGE } from './scripts/history.lua.js';
import { PEEK } from './scripts/peek.lua.js';
import { DUE_ROWS, PAGE, READ, SCAN, START_PAGE } from './scripts/read.lua.js';
import { CHECK, CLEAR, HEARTBEAT, MEMBERS, NOW, RETIRE } from './scripts/store.lua.js';
import { WRITE } from './scripts/write.lua.js';

const SCRIPTS = {
  RESERVE,
  PEEK,
  WRITE,
  READ,
  SCAN,
  PAGE,
  START_PAGE,
  DUE_ROWS,
  RUN_PAGE,
  RUN_ATTEMPTS,
  PRUNE,
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

type Value = string | number;

/** What to look for: see the script `PEEK`. */
export interface PeekRequest extends QueueFilter {
  readonly limit: number;
}

/** What to take: see the script `RESERVE`. */
export interface ReserveRequest extends QueueFilter {
  readonly limit: number;
  readonly token: string;
  readonly holdMs: number;
  readonly order: DueOrder;
}

/** What the script `PEEK` found. */
export interface Peeked {
  readonly now: number;
  readonly parked: readonly StoredParts[];
  readonly time: number | null;
  readonly rows: readonly StoredParts[];
  readonly blocked: readonly string[];
}

/** The scripts, with their arguments and answers in types. */
export class RedisScripts {
  /** Tells this store's writes and messages from those of all others. */
  readonly sender = randomBytes(9).toString('base64url');
  readonly clock = new ServerClock();
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
    return this.clock.sync(Number(await this.#call<string>('NOW', [])));
  }

  async reserve(request: ReserveRequest): Promise<{ now: number; taken: number; rows: StoredParts[] }> {
    const { limit, token, holdMs, order } = request;
    const args = [limit, token, holdMs, order, ...filterArgs(request)];
    const [now, taken, rows, strays] = await this.#call<[string, Count, Cell[], Count]>('RESERVE', args);
    this.#tellOf(strays);
    return { now: this.clock.sync(Number(now)), taken: Number(taken), rows: partsOf(rows) };
  }

  async peek(request: PeekRequest): Promise<Peeked> {
    const [now, parked, time, rows, blocked, strays] = await this.#call<[...PeekAnswer, Count]>(
      'PEEK',
      peekArgs(request),
    );
    this.#tellOf(strays);
    return this.#peeked([now, parked, time, rows, blocked]);
  }

  /**
   * Writes all entries, in as few calls as their size allows. Never rejects: an error is the outcome of its batch.
   *
   * @param peek What to look for in the same call, where there is only one.
   */
  async write(entries: readonly Entry[], peek?: PeekRequest): Promise<{ outcomes: Outcome[]; peeked: Peeked | null }> {
    const batches = batchesOf(entries);
    const extra = peek && batches.length === 1 ? peekArgs(peek) : [];
    let peeked: Peeked | null = null;
    const outcomes = await inFlight(batches, async (batch) => {
      try {
        const args = [...entriesArgs(batch), ...extra];
        type Answer = [string, string[], PeekAnswer | null, Count];
        const [now, texts, next, strays] = await this.#call<Answer>('WRITE', args);
        this.clock.sync(Number(now));
        this.#tellOf(strays);
        if (next) peeked = this.#peeked(next);
        return texts.map(outcomeOf);
      } catch (error) {
        return batch.map(() => error as Error);
      }
    });
    return { outcomes: outcomes.flat(), peeked };
  }

  /** Members of the index of due times that the store has not put there: no task is lost, and somebody should know. */
  #tellOf(strays: Count): void {
    if (Number(strays) === 0) return;
    this.logger.warn(
      `${strays} entries of the index of due times were not written by this library, and hid all others; they were mended.`,
    );
  }

  #peeked([now, parked, time, rows, blocked]: PeekAnswer): Peeked {
    return {
      now: this.clock.sync(Number(now)),
      parked: partsOf(parked),
      time: time === null ? null : Number(time),
      rows: partsOf(rows),
      blocked,
    };
  }

  async read(ids: readonly string[]): Promise<{ now: number; rows: StoredParts[] }> {
    const slices = slicesOf(ids, BATCH);
    const answers = await inFlight(slices, (slice) => this.#call<[string, Cell[]]>('READ', slice));
    const rows = answers.flatMap(([, cells], at) =>
      slices[at]!.map((id, i) => ({
        id,
        definition: cells[3 * i] ?? null,
        state: cells[3 * i + 1] ?? null,
        place: cells[3 * i + 2] ?? null,
      })),
    );
    return { now: this.clock.sync(Number(answers.at(-1)![0])), rows };
  }

  /** All tasks in parts, in no order; one may come twice. */
  async *scan(wholeRows: boolean): AsyncGenerator<StoredParts[]> {
    let cursor = '0';
    do {
      const args = [cursor, BATCH, wholeRows ? 1 : 0];
      const [next, rows]: [string, Cell[]] = await this.#call<[string, Cell[]]>('SCAN', args);
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
      const wanted = Math.min(BATCH, limit - rows.length);
      const args = [offset + rows.length, wanted, descending ? 1 : 0];
      const [total, known, cells] = await this.#call<[Count, Count, Cell[]]>('PAGE', args);
      const found = partsOf(cells);
      rows.push(...found);
      if (found.length < wanted || rows.length >= limit) return { total: Number(total), known: Number(known), rows };
    }
  }

  /** Tasks that a start looks for: those whose members begin with `prefix`, behind `after`. */
  async startPage(prefix: string, after: string, limit: number): Promise<{ rows: StoredParts[]; next: string | null }> {
    const args = [prefix, after, Math.min(limit, BATCH)];
    const [cells, next] = await this.#call<[Cell[], string]>('START_PAGE', args);
    return { rows: partsOf(cells), next: next === '' ? null : next };
  }

  /** Rows that are due up to a time, and in which queues; `codecs` says which queues. */
  async *dueRows(to: string, codecs: readonly string[]): AsyncGenerator<StoredParts[]> {
    let queue = '';
    let after = '';
    do {
      const args = [to, BATCH, ...listArgs(codecs), queue, after];
      const answer: [Cell[], string, string] = await this.#call<[Cell[], string, string]>('DUE_ROWS', args);
      yield partsOf(answer[0]);
      [, queue, after] = answer;
    } while (queue !== '');
  }

  /** Ended runs from `min` to `max`, bounds as ZRANGEBYLEX takes them; of one task, or of all when `task` is empty. */
  async runPage(task: string, kinds: string, min: string, max: string, count: number) {
    const [found, last, runs] = await this.#call<[Count, string, Cell[]]>('RUN_PAGE', [task, kinds, min, max, count]);
    return { found: Number(found), last, runs: runs.filter((run) => run !== null) };
  }

  async runAttempts(runId: string): Promise<string[]> {
    return (await this.#call<Cell[]>('RUN_ATTEMPTS', [runId])).filter((run) => run !== null);
  }

  async prune(
    limit: number,
    what: ['ended', failed: string, others: string] | ['count', which: 'all' | 'others', keep: number],
  ): Promise<number> {
    return Number(await this.#call<Count>('PRUNE', [limit, ...what]));
  }

  async clear(): Promise<number> {
    return Number(await this.#call<Count>('CLEAR', []));
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

type PeekAnswer = [now: string, parked: Cell[], time: Cell, rows: Cell[], blocked: string[]];

/** What a script gives for one field: null when it is not there. */
type Cell = string | null;

function partsOf(cells: readonly Cell[]): StoredParts[] {
  const parts: StoredParts[] = [];
  for (let at = 0; at < cells.length; at += 4) {
    parts.push({ id: cells[at]!, definition: cells[at + 1]!, state: cells[at + 2]!, place: cells[at + 3]! });
  }
  return parts;
}

function peekArgs(request: PeekRequest): Value[] {
  return [request.limit, PARKED_QUEUE, ...filterArgs(request)];
}
