import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { onTestFinished } from 'vitest';

/** How long a line may take to be printed, in milliseconds. */
const LINE_TIMEOUT_MS = 60_000;

interface Waiting {
  readonly pattern: RegExp;
  readonly found: (match: RegExpExecArray) => void;
  readonly failed: (error: Error) => void;
}

/** A process of ours whose printed lines are awaited. It is killed, with its children, when the test has finished. */
export class PrintingProcess {
  /** Everything that was printed, on both outputs. */
  readonly lines: string[] = [];
  /** Resolves with the exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>;
  readonly #child: ChildProcess;
  readonly #waiting = new Set<Waiting>();
  #isOver = false;

  constructor(command: string, args: readonly string[], options: { cwd: string; env?: Record<string, string> }) {
    this.#child = spawn(command, args, {
      cwd: options.cwd,
      env: { ...process.env, NO_COLOR: '1', ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
      // A group of its own, so that what it starts can be ended with it.
      detached: true,
    });
    for (const stream of [this.#child.stdout!, this.#child.stderr!]) {
      createInterface(stream).on('line', (line) => this.#take(line));
    }
    this.ended = new Promise((resolve, reject) => {
      this.#child.once('error', reject);
      this.#child.once('close', (code, signal) => {
        this.#isOver = true;
        resolve(code ?? signal!);
        for (const { pattern, failed } of this.#waiting) failed(this.#without(pattern, `ended with ${code ?? signal}`));
      });
    });
    onTestFinished(async () => {
      this.kill('SIGKILL');
      await this.ended;
    });
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** Sends a signal to the process and to what it has started. */
  kill(signal: NodeJS.Signals): void {
    if (this.#isOver) return;
    try {
      process.kill(-this.pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }

  /** Resolves with the first line from now on, or with `from: 0` from the beginning, that matches. */
  async line(pattern: RegExp, { from = this.lines.length } = {}): Promise<RegExpExecArray> {
    for (const line of this.lines.slice(from)) {
      const match = pattern.exec(line);
      if (match) return match;
    }
    if (this.#isOver) throw this.#without(pattern, 'has ended');
    let timer: NodeJS.Timeout | undefined;
    let waiting: Waiting | undefined;
    try {
      return await new Promise<RegExpExecArray>((found, failed) => {
        waiting = { pattern, found, failed };
        this.#waiting.add(waiting);
        timer = setTimeout(() => failed(this.#without(pattern, `ran for ${LINE_TIMEOUT_MS} ms`)), LINE_TIMEOUT_MS);
      });
    } finally {
      clearTimeout(timer);
      if (waiting) this.#waiting.delete(waiting);
    }
  }

  /** The matches among everything that was printed. */
  all(pattern: RegExp): RegExpExecArray[] {
    return this.lines.map((line) => pattern.exec(line)).filter((match) => match !== null);
  }

  #take(line: string): void {
    this.lines.push(line);
    for (const { pattern, found } of this.#waiting) {
      const match = pattern.exec(line);
      if (match) found(match);
    }
  }

  #without(pattern: RegExp, what: string): Error {
    return new Error(`The process ${what} without a line like ${pattern}. It printed:\n${this.lines.join('\n')}`);
  }
}
