/** How many tasks one script handles at the most: Redis does nothing else meanwhile. */
export const BATCH = 250;

/** How many characters one script is given at the most, about. */
const BATCH_SIZE = 1_000_000;

/** One change for the script `WRITE`, which says what it means. */
export interface Entry {
  readonly what: 'add' | 'set' | 'drop' | 'move' | 'runs';
  readonly id: string;
  /** How the place must begin: see `guardOf`; left out when that does not matter. */
  readonly expected?: string;
  /** The version that must be there, where only that is known. */
  readonly version?: number;
  /** Left out when it stays as it is. */
  readonly definition?: string;
  /** With a definition: see `startMember`. */
  readonly startMember?: string;
  readonly state?: string;
  /** The new place. */
  readonly place?: string;
  /** Its score in RUN_TIMES: see `runTimeScore`. */
  readonly runTime?: string;
  readonly runs?: readonly RunEntry[];
}

/** An ended run for the script `WRITE`. */
export interface RunEntry {
  readonly id: string;
  readonly attempt: string;
  /** Its kind and inverse end: see `endText`. */
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

/**
 * Entries as `WRITE` takes them: what is short as one JSON text, because thousands of arguments cost client and server far
 * more; what is long as arguments of their own, because JSON in JSON is slow to write and to read.
 */
export function entriesArgs(entries: readonly Entry[]): (string | number)[] {
  const texts: string[] = [];
  const fields = entries.map((entry) => fieldsOf(entry, texts));
  let json = JSON.stringify(fields);
  // Redis's parser refuses half a surrogate pair; everywhere else it becomes a replacement character on the way.
  if (/\\ud[89a-f]/.test(json)) json = JSON.stringify(fields.map((some) => some.map(wellFormed)));
  return [json, texts.length, ...texts];
}

function fieldsOf(entry: Entry, texts: string[]): (string | number)[] {
  const { what, id, expected = '', version, definition, state, place = '', runTime = '+inf', runs } = entry;
  const { startMember = '' } = entry;
  const written = definition === undefined ? 0 : texts.push(definition);
  const stateText = state === undefined ? 0 : texts.push(state);
  const fields = [what, id, expected, String(version ?? ''), written, stateText, place, runTime, startMember];
  if (runs) for (const run of runs) fields.push(run.id, run.attempt, run.ended, run.task, texts.push(run.text));
  return fields;
}

function wellFormed(field: string | number): string | number {
  return typeof field === 'number' ? field : Buffer.from(field).toString();
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
