import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { builtLibrary } from './built-library.js';

const PROGRAM = fileURLToPath(new URL('./claiming.worker.mjs', import.meta.url));

/** On which store a process works, and how. */
export interface ClaimingOptions {
  /** The store's folder below `stores/`: `redis`. */
  readonly subpath: string;
  /** `RedisStore` */
  readonly className: string;
  /** Of the store; has to survive JSON. */
  readonly options: object;
  /** How long a lease holds without being renewed, in milliseconds. @default 30000 */
  readonly leaseMs?: number;
  /** How many tasks it claims at a time. @default 200 */
  readonly limit?: number;
}

/** One start of a run, as the process that started it tells. */
export interface StartedRun {
  readonly id: string;
  readonly attempt: number;
  readonly token: number;
  readonly owner: string;
  /** When, in nanoseconds on the machine's monotonic clock, which all processes share. */
  readonly at: bigint;
}

type Message =
  | { type: 'ready' | 'stopped' }
  | { type: 'started'; at: string; runs: { id: string; attempt: number; token: number }[] }
  | { type: 'refused'; runs: string[] }
  | { type: 'failed'; message: string };

/** A process that claims and ends runs. */
export class ClaimingWorker {
  readonly started: StartedRun[] = [];
  readonly refused: string[] = [];
  readonly failures: string[] = [];
  #listeners = new Set<() => void>();

  private constructor(
    readonly owner: string,
    private readonly child: ChildProcess,
  ) {
    child.on('message', (message) => this.#take(message as Message));
  }

  static async start(owner: string, options: ClaimingOptions): Promise<ClaimingWorker> {
    const args = [await builtLibrary(), JSON.stringify(options), owner];
    // Without the options that vitest runs with.
    const child = fork(PROGRAM, args, { execArgv: [], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    const worker = new ClaimingWorker(owner, child);
    const failed = once(child, 'exit').then(([code]) => Promise.reject(new Error(`${owner} ended with ${code}`)));
    await Promise.race([once(child, 'message'), failed]);
    failed.catch(() => {});
    return worker;
  }

  /** Calls `listener` whenever it tells something; returns what ends that. */
  onNews(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async stop(): Promise<void> {
    if (!this.child.connected) return;
    const ended = once(this.child, 'exit');
    this.child.send('stop');
    const timer = setTimeout(() => this.child.kill('SIGKILL'), 20_000);
    await ended;
    clearTimeout(timer);
  }

  async kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, 'close');
    this.child.kill('SIGKILL');
    await ended;
  }

  #take(message: Message): void {
    if (message.type === 'started') {
      const at = BigInt(message.at);
      for (const run of message.runs) this.started.push({ ...run, owner: this.owner, at });
    } else if (message.type === 'refused') {
      this.refused.push(...message.runs);
    } else if (message.type === 'failed') {
      this.failures.push(message.message);
    }
    for (const listener of this.#listeners) listener();
  }
}

/** Resolves when `condition` holds; looked at whenever a worker tells something. */
export async function untilWorkers(
  workers: readonly ClaimingWorker[],
  condition: () => boolean,
  timeoutMs: number,
): Promise<void> {
  let ends: (() => void)[] = [];
  let timer: NodeJS.Timeout | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      const look = () => {
        if (condition()) resolve();
      };
      ends = workers.map((worker) => worker.onNews(look));
      timer = setTimeout(() => reject(new Error(`The workers did not get there within ${timeoutMs} ms.`)), timeoutMs);
      look();
    });
  } finally {
    clearTimeout(timer);
    for (const end of ends) end();
  }
}
