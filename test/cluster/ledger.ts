import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { keyOf } from '../../lib/model/run.js';

/**
 * The start of an attempt, its end, its aborted signal, that its lease or its result was refused, or that a run was skipped
 * because the one before was under way; that it was recorded as lost for good, and that the log has an error about that. That
 * a step was done, and that its result was stored: `coalesced` is the number of the step. That something is asked for with
 * `dedupe`, and that the call was answered, with what as `attempt`: `coalesced` is the number of the call.
 */
export type LedgerKind = 'S' | 'E' | 'A' | 'R' | 'K' | 'D' | 'G' | 'X' | 'Y' | 'Q' | 'C';

/** What a process has noted. */
export interface LedgerLine {
  readonly kind: LedgerKind;
  readonly runId: string;
  readonly attempt: number;
  readonly token: number;
  readonly coalesced: number;
  /** Milliseconds on the machine's monotonic clock, which all processes share. */
  readonly at: number;
  /** Milliseconds since the epoch on the machine's wall clock, whatever the scheduler's own clock says. */
  readonly wall: number;
  /** The file that it stands in: tells the schedulers apart. */
  readonly file: string;
}

/** One attempt of a run. */
export interface Attempt {
  readonly start: LedgerLine;
  /** When it ended or its signal was aborted; Infinity when its process died in it, or it is still under way. */
  readonly over: number;
}

/** What all processes of one scenario have noted. */
export class Ledger {
  readonly #folder = mkdtempSync(join(tmpdir(), 'asyncz-ledger-'));
  readonly #files: string[] = [];

  /** A file for one more scheduler. */
  file(): string {
    const file = join(this.#folder, `${this.#files.length}.tsv`);
    this.#files.push(file);
    return file;
  }

  /** The lines of all schedulers, or of one, in the order of time. */
  lines(of?: string): LedgerLine[] {
    return [...this.each(of)].sort((a, b) => a.at - b.at);
  }

  /** The lines one by one, in no order. The last line of a process that was killed may be half, and is left out. */
  *each(of?: string): Iterable<LedgerLine> {
    for (const file of of === undefined ? this.#files : [of]) {
      const text = readIfThere(file);
      for (let start = 0, end = text.indexOf('\n'); end >= 0; start = end + 1, end = text.indexOf('\n', start)) {
        yield parse(text.slice(start, end), file);
      }
    }
  }

  /** How many lines there are of a kind, for all schedulers or one. */
  count(kind: LedgerKind, of?: string): number {
    return this.lines(of).filter((line) => line.kind === kind).length;
  }

  /** The runs that have ended at least once. */
  ended(): Set<string> {
    return new Set(this.lines().flatMap(({ kind, runId }) => (kind === 'E' ? runId : [])));
  }

  /** The attempts of each run, in the order of their start. */
  attempts(): Map<string, Attempt[]> {
    const lines = this.lines();
    const overs = new Map<string, number>();
    for (const line of lines) {
      const key = keyOf(line);
      if ((line.kind === 'E' || line.kind === 'A') && !overs.has(key)) overs.set(key, line.at);
    }
    const attempts = new Map<string, Attempt[]>();
    for (const start of lines) {
      if (start.kind !== 'S') continue;
      const attempt = { start, over: overs.get(keyOf(start)) ?? Infinity };
      const known = attempts.get(start.runId);
      if (known) known.push(attempt);
      else attempts.set(start.runId, [attempt]);
    }
    return attempts;
  }

  dispose(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** The task that a run is of. */
export function taskOf(runId: string): string {
  return runId.slice(0, runId.lastIndexOf('@'));
}

/** The time that a scheduled run is for, in milliseconds since the epoch. */
export function scheduledTimeOf(runId: string): number {
  return Date.parse(runId.slice(runId.lastIndexOf('@') + 1));
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}

function parse(text: string, file: string): LedgerLine {
  const [kind, runId, attempt, token, coalesced, at, wall] = text.split('\t') as [LedgerKind, ...string[]];
  return {
    kind,
    runId: runId!,
    attempt: Number(attempt),
    token: Number(token),
    coalesced: Number(coalesced),
    at: Number(BigInt(at!) / 1_000n) / 1_000,
    wall: Number(wall),
    file,
  };
}
