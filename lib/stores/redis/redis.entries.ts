import type { Stamp } from './redis.records.js';

/** How many tasks one script handles at the most: Redis does nothing else meanwhile. */
export const BATCH = 250;

/** How many characters one script is given at the most, about. */
const BATCH_SIZE = 1_000_000;

/** One change for the script `WRITE`, which says what the fields mean. */
export interface Entry {
  readonly what: 'add' | 'set' | 'drop' | 'move' | 'runs';
  readonly id: string;
  /** What must be there; what is left out is not asked. */
  readonly stamp?: Partial<Stamp> | undefined;
  readonly reservation?: string | undefined;
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

/** Reads what `WRITE` says of an entry. */
export function outcomeOf(text: string): Outcome {
  return text === 'ok' || text === 'gone' || text === 'exists' ? text : { version: Number(text) };
}

/** Appends an entry as `WRITE` takes it. */
export function pushEntry(args: (string | number)[], entry: Entry): void {
  const { what, id, stamp, reservation = '', definition = '', state = '', version = '', columns = '' } = entry;
  const { nextRunTime, member = '', runs } = entry;
  args.push(what, id, stamp?.version ?? '', stamp?.nonce ?? '', reservation, definition, state);
  args.push(version, columns, nextRunTime ?? '+inf', member, runs?.length ?? 0);
  if (runs) for (const run of runs) args.push(run.id, run.attempt, run.ended, run.task, run.text);
}

/** Cuts entries into batches that one script may be given. */
export function batchesOf(entries: readonly Entry[]): Entry[][] {
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
