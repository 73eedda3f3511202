/**
 * How many tasks one script changes, and how many it takes, at the most: Redis does nothing else meanwhile. Both together are below
 * ten milliseconds on a busy machine of two cores; more of them at a time would not cost less.
 */
export const BATCH = 500;

/** How many characters one script is given at the most, about. */
const BATCH_SIZE = 1_000_000;

/** An entry of the journal for the scripts: see `scripts/journal.lua.ts`. */
export interface EntryText {
  readonly id: string;
  readonly task: string | null;
  readonly text: string;
}

/** What is written with an entry, if that is. */
interface Noted {
  /** Entries of the journal. None when left out. */
  readonly journal?: readonly EntryText[] | undefined;
}

/** Adds a task, or writes it. */
export interface PutEntry extends Noted {
  readonly what: 'add' | 'set';
  readonly id: string;
  /** How the stand of the task must begin; empty where that does not matter. */
  readonly guard: string;
  /** Unique to the write. */
  readonly nonce: string;
  /** See `headText`. */
  readonly head: string;
  /** See `dueText`. */
  readonly time: string;
  readonly state: string;
  /** Its score among the run times. */
  readonly runTime: number | string;
  /** What is written beside the state; null when only that is. */
  readonly written: {
    readonly definition: string;
    readonly queue: string;
    /** See `startMember`. */
    readonly startMember: string;
  } | null;
  readonly runs: readonly RunEntry[];
}

/** Removes a task. */
export interface DropEntry extends Noted {
  readonly what: 'drop';
  readonly id: string;
  readonly guard: string;
  /** Whether a start may look for it. */
  readonly hasStart: boolean;
  readonly runs: readonly RunEntry[];
}

/** Gives a reservation back. */
export interface BackEntry {
  readonly what: 'back';
  readonly id: string;
  /** What it was taken with. */
  readonly token: string;
}

/** Gives a record back that was taken and cannot be read, and puts it aside. */
export interface ParkEntry {
  readonly what: 'park';
  readonly id: string;
  /** What it was taken with. */
  readonly token: string;
  /** What TAKEN had of it before. */
  readonly taken: string;
  /** Until when, as text. */
  readonly until: string;
}

/** Puts a record aside, or back to its place. */
export interface ReviewEntry {
  readonly what: 'review';
  readonly id: string;
  /** Whether it was put aside, and its time has come. */
  readonly wasParked: boolean;
  /** Until when it is put aside now, as text; empty when it can be read. */
  readonly until: string;
}

/** Keeps ended runs, and entries of the journal. */
export interface RunsEntry extends Noted {
  readonly what: 'runs';
  readonly id: '';
  readonly runs: readonly RunEntry[];
}

/** One change for the script `EXCHANGE`: see `scripts/write.lua.ts`. */
export type Entry = PutEntry | DropEntry | BackEntry | ParkEntry | ReviewEntry | RunsEntry;

/** An ended run for the scripts. */
export interface RunEntry {
  readonly task: string;
  /** See `rankOfRun`. */
  readonly rank: string;
  /** Whether its id says its task, so that it is found by that alone. */
  readonly mayBeOnly: boolean;
  /** See `runText`. */
  readonly text: string;
}

/** What became of an entry; an error when its batch could not be carried out, or nobody knows. */
export type Outcome = 'ok' | 'gone' | 'exists' | { readonly version: number } | Error;

/** Reads what the script says of an entry. */
export function outcomeOf(text: string): Outcome {
  return text === 'gone' || text === 'exists' ? text : { version: Number(text) };
}

/**
 * Entries as the script takes them: what is short in one JSON text, since thousands of arguments cost client and server more;
 * what is long as arguments of their own, since JSON in JSON is slow to write and to read.
 */
export interface EntryTexts {
  readonly write: {
    readonly ids: readonly string[];
    readonly entries: readonly (string | number)[];
    readonly queues: readonly string[];
  };
  readonly texts: readonly string[];
}

/** Puts entries into the form that the script takes. */
export function entryTexts(entries: readonly Entry[]): EntryTexts {
  const writer = new EntryWriter();
  for (const entry of entries) writer.add(entry);
  return { write: writer, texts: writer.texts };
}

class EntryWriter {
  readonly ids: string[] = [];
  readonly entries: (string | number)[] = [];
  readonly queues: string[] = [];
  readonly #numbers = new Map<string, number>();
  readonly #texts: string[] = [];

  /** Not among what becomes JSON. */
  get texts(): readonly string[] {
    return this.#texts;
  }

  add(entry: Entry): void {
    const { entries } = this;
    this.ids.push(entry.id);
    switch (entry.what) {
      case 'add':
      case 'set':
        this.#put(entry);
        break;
      case 'drop':
        entries.push('d', entry.guard, entry.hasStart ? 1 : 0);
        this.#runs(entry.id, entry.runs);
        break;
      case 'back':
        entries.push('b', entry.token);
        break;
      case 'park':
        entries.push('p', entry.token, entry.taken, entry.until);
        break;
      case 'review':
        entries.push('v', entry.wasParked ? 1 : 0, entry.until);
        break;
      case 'runs':
        entries.push('r');
        this.#runs('', entry.runs);
    }
    if ('journal' in entry && entry.journal) this.#journal(entry.journal);
  }

  #journal(journal: readonly EntryText[]): void {
    this.entries.push('j', journal.length);
    for (const { id, task, text } of journal) {
      this.entries.push(id, task ?? 0);
      this.#texts.push(text);
    }
  }

  #put({ what, id, guard, nonce, head, time, state, runTime, written, runs }: PutEntry): void {
    this.entries.push(what === 'add' ? 'a' : 's', guard, nonce, time);
    if (written) {
      this.entries.push(this.#queue(written.queue), runTime, written.startMember, what === 'set' ? 1 : 0);
      this.#texts.push(written.definition, `${head}${written.queue}\n${state}`);
    } else {
      this.entries.push(0, runTime, '', 0);
      this.#texts.push(head, `\n${state}`);
    }
    this.#runs(id, runs);
  }

  #runs(task: string, runs: readonly RunEntry[]): void {
    this.entries.push(runs.length);
    for (const run of runs) {
      this.entries.push(run.task === task ? '' : run.task, run.rank, run.mayBeOnly ? 1 : 0);
      this.#texts.push(run.text);
    }
  }

  #queue(name: string): number {
    let number = this.#numbers.get(name);
    if (number === undefined) {
      number = this.queues.push(name);
      this.#numbers.set(name, number);
    }
    return number;
  }
}

/** A value as JSON that Redis's parser reads: it refuses half a surrogate pair, which becomes a replacement character. */
export function jsonText(value: object): string {
  const json = JSON.stringify(value);
  if (!/\\ud[89a-f]/.test(json)) return json;
  return JSON.stringify(value, (_, part: unknown) => (typeof part === 'string' ? Buffer.from(part).toString() : part));
}

/** Cuts entries into batches that one script may be given. */
export function batchesOf(entries: readonly Entry[]): Entry[][] {
  const batches: Entry[][] = [];
  let batch: Entry[] = [];
  let size = 0;
  let count = 0;
  for (const entry of entries) {
    const runs = 'runs' in entry ? entry.runs : [];
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

function sizeOf(entry: Entry): number {
  const size = 'state' in entry ? entry.state.length + (entry.written?.definition.length ?? 0) : 0;
  const journal = 'journal' in entry ? (entry.journal ?? []) : [];
  return journal.reduce((sum, { text }) => sum + text.length, size);
}
