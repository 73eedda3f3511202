import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { DeclaredTask, SchedulerSettings } from 'nestjs-asyncz';
import { builtLibrary } from '../support/built-library.js';

const PROGRAM = fileURLToPath(new URL('./scheduler.worker.mjs', import.meta.url));

/** A store as a process of its own opens it. */
export interface ClusterStore {
  /** Below the built library: `stores/redis/index.js`. */
  readonly module: string;
  readonly className: string;
  /** Of the store; has to survive JSON. */
  readonly options: object;
}

export interface SchedulerProcessOptions {
  readonly store: ClusterStore;
  /** The file that starts and ends are written to. */
  readonly ledger: string;
  readonly settings?: SchedulerSettings;
  /** @default 20 */
  readonly concurrency?: number;
  /** How long a run takes, in milliseconds. @default 0 */
  readonly workMs?: number;
  /** How wrong the clock of the process is, in milliseconds. */
  readonly clockOffsetMs?: number;
  readonly declared?: readonly DeclaredTask[];
  /** @default ['work'] */
  readonly handlers?: readonly string[];
}

/** A scheduler in a process of its own. */
export class SchedulerProcess {
  /** The types of what it told, in order. */
  readonly told: string[] = [];
  readonly #exit: Promise<unknown>;

  private constructor(private readonly child: ChildProcess) {
    child.on('message', ({ type }: { type: string }) => this.told.push(type));
    this.#exit = once(child, 'exit');
  }

  /** Resolves when the scheduler has started. */
  static async start(options: SchedulerProcessOptions): Promise<SchedulerProcess> {
    const child = fork(PROGRAM, [await builtLibrary(), JSON.stringify(options)], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const worker = new SchedulerProcess(child);
    await worker.#until('ready');
    return worker;
  }

  get pid(): number {
    return this.child.pid!;
  }

  send(message: { type: 'step'; ms: number }): void {
    this.child.send(message);
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Kills it at once; resolves when it is gone. */
  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.#exit;
  }

  /** Stops it in order. */
  async stop(timeoutMs = 10_000): Promise<void> {
    if (!this.child.connected) return;
    const stopped = this.#until('stopped');
    this.child.send({ type: 'stop', timeoutMs });
    await stopped;
    await this.#exit;
  }

  async #until(type: string): Promise<void> {
    const heard = new Promise<void>((resolve) => {
      const listen = (message: { type: string }) => {
        if (message.type !== type) return;
        this.child.off('message', listen);
        resolve();
      };
      this.child.on('message', listen);
    });
    const gone = this.#exit.then(() => {
      throw new Error(`The process ended before it was ${type}`);
    });
    gone.catch(() => {});
    await Promise.race([heard, gone]);
  }
}
