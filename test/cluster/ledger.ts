import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export type LedgerKind = 'S' | 'E' | 'A' | 'R';

/** What a process has noted: the start of an attempt, its end, its aborted signal, or that its end was refused. */
export interface LedgerLine {
  readonly kind: LedgerKind;
  readonly runId: string;
  readonly attempt: number;
  readonly token: number;
  /** Nanoseconds on the machine's monotonic clock. */
  readonly at: bigint;
}

/** What all processes of one scenario have noted. */
export class Ledger {
  readonly #folder = mkdtempSync(join(tmpdir(), 'asyncz-ledger-'));
  #files = 0;

  /** A file for one more process. */
  file(): string {
    this.#files += 1;
    return join(this.#folder, `${this.#files}.tsv`);
  }

  /** The lines of all processes in the order of time. The last line of a process that was killed may be half. */
  lines(): LedgerLine[] {
    return readdirSync(this.#folder)
      .flatMap((name) => readFileSync(join(this.#folder, name), 'utf8').split('\n').slice(0, -1))
      .map((line) => {
        const [kind, runId, attempt, token, at] = line.split('\t') as [LedgerKind, string, string, string, string];
        return { kind, runId, attempt: Number(attempt), token: Number(token), at: BigInt(at) };
      })
      .sort((a, b) => (a.at < b.at ? -1 : 1));
  }

  /** The runs that have ended at least once. */
  ended(): Set<string> {
    return new Set(
      this.lines()
        .filter(({ kind }) => kind === 'E')
        .map(({ runId }) => runId),
    );
  }

  /** The starts of each run, in order. */
  starts(): Map<string, LedgerLine[]> {
    const starts = new Map<string, LedgerLine[]>();
    for (const line of this.lines()) {
      if (line.kind === 'S') starts.set(line.runId, [...(starts.get(line.runId) ?? []), line]);
    }
    return starts;
  }

  dispose(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
