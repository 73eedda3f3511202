import { createHash, randomBytes } from 'node:crypto';
import type { RedisClient } from './redis.address.js';
import type { RedisConnection } from './redis.connection.js';
import type { RedisKeys } from './redis.keys.js';
import type { Stamp, StoredParts } from './redis.records.js';
import { PEEK, RESERVE } from './scripts/claim.lua.js';
import { PRUNE, RUN_ATTEMPTS, RUN_PAGE } from './scripts/history.lua.js';
import { DUE_ROWS, PAGE, READ, SCAN } from './scripts/read.lua.js';
import { CHECK, CLEAR, HEARTBEAT, MEMBERS, NOW, RETIRE } from './scripts/store.lua.js';
import { WRITE } from './scripts/write.lua.js';

/** How many tasks one script handles at the most: Redis does nothing else meanwhile. */
export const BATCH = 250;

/** How many characters one script is given at the most, about. */
const BATCH_SIZE = 1_000_000;

/** How many scripts of one operation are on their way at the same time. */
const IN_FLIGHT = 4;

const SCRIPTS = {
  RESERVE,
  PEEK,
  WRITE,
  READ,
  SCAN,
  PAGE,
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

/** One change for the script `WRITE`, which says what the fields mean. */
export interface Entry {
  readonly what: 'add' | 'set' | 'drop' | 'move';
  readonly id: string;
  /** What must be there; what is left out is not asked. */
  readonly stamp?: Partial<Stamp>;
  readonly reservation?: string;
  /** Left out when it stays as it is. */
  readonly definition?: string;
  readonly state?: string;
  readonly version?: number;
  readonly columns?: string;
  readonly nextRunTime?: number | null;
  readonly member?: string;
  readonly runs?: readonly RunEntry[];
}

/** An ended run for the script `WRITE`. */
export interface RunEntry {
  readonly id: string;
  readonly attempt: string;
  readonly ended: string;
  readonly task: string;
  readonly text: string;
}

/** What became of an entry; an error when its batch could not be carried out, or nobody knows. */
export type Outcome = 'ok' | 'gone' | 'exists' | { readonly version: number } | Error;

type Value = string | number;

/** The scripts, with their arguments and answers in types. */
export class RedisScripts {
  /** Tells this store's writes and messages from those of all others. */
  readonly sender = randomBytes(9).toString('base64url');
  #calls = 0;

  constructor(
    readonly connection: RedisConnection,
    private readonly keys: RedisKeys,
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

  async reserve(request: {
    limit: number;
    token: string;
    holdMs: number;
    codecs: readonly string[];
    handlers: readonly string[] | null;
  }): Promise<{ now: number; taken: number; rows: StoredParts[] }> {
    const { limit, token, holdMs, codecs, handlers } = request;
    const args = [limit, token, holdMs, ...listArgs(codecs), ...listArgs(handlers)];
    const [now, taken, rows] = await this.#call<[string, number, Cell[]]>('RESERVE', args);
    return { now: Number(now), taken: Number(taken), rows: partsOf(rows) };
  }

  async peek(request: {
    limit: number;
    codecs: readonly string[];
    handlers: readonly string[] | null;
    parked: string;
  }): Promise<{ now: number; parked: StoredParts[]; time: number | null; rows: StoredParts[]; blocked: string[] }> {
    const { limit, codecs, handlers } = request;
    const args = [limit, ...listArgs(codecs), ...listArgs(handlers), request.parked];
    type Answer = [string, Cell[], Cell, Cell[], string[]];
    const [now, parked, time, rows, blocked] = await this.#call<Answer>('PEEK', args);
    return {
      now: Number(now),
      parked: partsOf(parked),
      time: time === null ? null : Number(time),
      rows: partsOf(rows),
      blocked,
    };
  }

  /** Writes all entries, in as few calls as their size allows. Never rejects: an error is the outcome of its batch. */
  async write(entries: readonly Entry[]): Promise<Outcome[]> {
    const outcomes = await inFlight(batchesOf(entries), async (batch) => {
      const args: Value[] = [this.nonce(), batch.length];
      for (const entry of batch) pushEntry(args, entry);
      try {
        return (await this.#call<string[]>('WRITE', args)).map(outcomeOf);
      } catch (error) {
        return batch.map(() => error as Error);
      }
    });
    return outcomes.flat();
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
    return { now: Number(answers.at(-1)?.[0] ?? 0), rows };
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
    const slices: [number, number][] = [];
    for (let at = 0; at < Math.max(limit, 1); at += BATCH) slices.push([offset + at, Math.min(BATCH, limit - at)]);
    const parts: StoredParts[] = [];
    for (const [first, number] of slices) {
      const answer = await this.#call<[number, number, Cell[]]>('PAGE', [first, number, descending ? 1 : 0]);
      const [total, known] = answer.map(Number);
      parts.push(...partsOf(answer[2]));
      if (parts.length < first - offset + number || first + number >= known! || limit <= first - offset + number) {
        return { total: total!, known: known!, rows: parts };
      }
    }
    throw new Error('A page had no last part. This is a bug in nestjs-asyncz.');
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
  async runPage(task: string, min: string, max: string, count: number) {
    const [found, last, runs] = await this.#call<[number, string, Cell[]]>('RUN_PAGE', [task, min, max, count]);
    return { found: Number(found), last, runs: runs.filter((run) => run !== null) };
  }

  async runAttempts(runId: string): Promise<string[]> {
    return (await this.#call<Cell[]>('RUN_ATTEMPTS', [runId])).filter((run) => run !== null);
  }

  async prune(by: 'ended' | 'count', bound: string | number, limit: number): Promise<number> {
    return Number(await this.#call<number>('PRUNE', [by, bound, limit]));
  }

  async clear(): Promise<number> {
    return Number(await this.#call<number>('CLEAR', []));
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
      (client as unknown as Commands)[COMMANDS[name]]!(...this.keys.all, ...args),
    );
  }
}

/** What a script gives for one field: null when it is not there. */
type Cell = string | null;

function partsOf(cells: readonly Cell[]): StoredParts[] {
  const parts: StoredParts[] = [];
  for (let at = 0; at < cells.length; at += 4) {
    parts.push({ id: cells[at]!, definition: cells[at + 1]!, state: cells[at + 2]!, place: cells[at + 3]! });
  }
  return parts;
}

function listArgs(values: readonly string[] | null): Value[] {
  return values === null ? [-1] : [values.length, ...values];
}

function outcomeOf(text: string): Outcome {
  return text === 'ok' || text === 'gone' || text === 'exists' ? text : { version: Number(text) };
}

function pushEntry(args: Value[], entry: Entry): void {
  const { what, id, stamp, reservation, definition, state, version, columns, nextRunTime, member, runs = [] } = entry;
  args.push(what, id, stamp?.version ?? '', stamp?.nonce ?? '', reservation ?? '', definition ?? '', state ?? '');
  args.push(version ?? '', columns ?? '', nextRunTime ?? '+inf', member ?? '', runs.length);
  for (const run of runs) args.push(run.id, run.attempt, run.ended, run.task, run.text);
}

function batchesOf(entries: readonly Entry[]): Entry[][] {
  const batches: Entry[][] = [];
  let batch: Entry[] = [];
  let size = 0;
  let count = 0;
  for (const entry of entries) {
    const runs = entry.runs ?? [];
    const own = runs.reduce((sum, { text }) => sum + text.length, 0) + sizeOf(entry);
    if (batch.length > 0 && (count + 1 + runs.length > 2 * BATCH || batch.length >= BATCH || size + own > BATCH_SIZE)) {
      batches.push(batch);
      [batch, size, count] = [[], 0, 0];
    }
    batch.push(entry);
    size += own;
    count += 1 + runs.length;
  }
  if (batch.length > 0) batches.push(batch);
  return batches;
}

function sizeOf({ definition, state }: Entry): number {
  return (definition?.length ?? 0) + (state?.length ?? 0);
}

function slicesOf<T>(items: readonly T[], size: number): T[][] {
  const slices: T[][] = [];
  for (let at = 0; at < items.length; at += size) slices.push(items.slice(at, at + size));
  return slices;
}

/** Works on all items, some at a time, and gives the results in order. */
async function inFlight<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (const some of slicesOf(items, IN_FLIGHT)) results.push(...(await Promise.all(some.map(work))));
  return results;
}
