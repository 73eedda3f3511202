import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { DeclaredTask, DedupeOptions, SchedulerSettings } from 'nestjs-asyncz';
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
  /** The file that is to say what becomes of runs: see `Ledger`. */
  readonly ledger: string;
  readonly settings: SchedulerSettings;
  readonly concurrency: number;
  /** How long a run takes whose task does not say so, in milliseconds. @default 0 */
  readonly workMs?: number;
  /** How wrong the clock of the process is, in milliseconds. @default 0 */
  readonly clockOffsetMs?: number;
  readonly declared: readonly DeclaredTask[];
  readonly handlers: readonly string[];
  /** What runs of the handler `steps` do. */
  readonly steps?: StepsPlan;
  /** What the process asks for with `dedupe`, of the handler `asked`, which it has then. */
  readonly asks?: AsksPlan;
  /** After which answer of the store the process dies at once, and the how many-th of them. Never, when left out. */
  readonly dies?: { readonly answer: StoreAnswer; readonly times: number };
}

/** The steps of a run. */
export interface StepsPlan {
  readonly count: number;
  /** How long each takes, in milliseconds. */
  readonly stepMs: number;
  /** Where the even steps and the last one write in transactions; null where the store has none. */
  readonly table: string | null;
}

/** Calls with `dedupe`. */
export interface AsksPlan {
  /** One of them for each call. */
  readonly dedupes: readonly DedupeOptions[];
  /** The number of the first call, behind those of all others. */
  readonly first: number;
  /** How long a run takes, in milliseconds. */
  readonly workMs: number;
  /** How much time there is between two calls, in milliseconds, on average. */
  readonly pauseMs: number;
}

/** An answer of the store to an exchange: tasks were taken, ends were written, or both. */
export type StoreAnswer = 'taken' | 'written' | 'both';

/** An event of the scheduler that its process tells of. */
export interface ToldEvent {
  readonly name: string;
  readonly taskId: string | null;
}

type Command =
  | { readonly type: 'start'; readonly options: SchedulerProcessOptions }
  | { readonly type: 'stop'; readonly timeoutMs: number }
  | { readonly type: 'quiet' }
  | { readonly type: 'step'; readonly ms: number }
  | { readonly type: 'stall' }
  | { readonly type: 'memory' };

type Message =
  | ({ readonly type: 'event' } & ToldEvent)
  | { readonly type: 'done'; readonly value: unknown }
  | { readonly type: 'failed'; readonly message: string };

/**
 * A process with a whole scheduler. When that has stopped, the process can be given another one: to start a process costs
 * most of a second of the processor, and the scenarios need hundreds.
 */
export class SchedulerProcess {
  readonly #exit: Promise<unknown>;
  #told: ToldEvent[] = [];
  #answer: { resolve: (value: unknown) => void; reject: (error: Error) => void } | null = null;
  #isGone = false;
  #isKilled = false;
  #isFrozen = false;

  private constructor(private readonly child: ChildProcess) {
    child.on('message', (message) => this.#take(message as Message));
    this.#exit = once(child, 'exit').then(([code, signal]) => {
      this.#isGone = true;
      this.#settle(new Error(`The process ended with ${String(code ?? signal)}`));
    });
  }

  /** Resolves when the process has loaded the library. */
  static async fork(): Promise<SchedulerProcess> {
    // Without the options that vitest runs with.
    const child = fork(PROGRAM, [await builtLibrary()], {
      execArgv: [],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const worker = new SchedulerProcess(child);
    await worker.#next();
    return worker;
  }

  get pid(): number {
    return this.child.pid!;
  }

  /** Whether the process ended though nobody killed it. */
  get hasCrashed(): boolean {
    return this.#isGone && !this.#isKilled;
  }

  get isGone(): boolean {
    return this.#isGone;
  }

  /** What the scheduler told since it was started, in order. */
  get told(): readonly ToldEvent[] {
    return this.#told;
  }

  /** Resolves when the scheduler has started. */
  async start(options: SchedulerProcessOptions): Promise<void> {
    this.#told = [];
    await this.#ask({ type: 'start', options });
  }

  /** Shuts the scheduler down in order. */
  async stop(timeoutMs = 10_000): Promise<void> {
    await this.#ask({ type: 'stop', timeoutMs });
  }

  /** Has it ask for nothing any more; resolves when its last call is answered. */
  async quiet(): Promise<void> {
    await this.#ask({ type: 'quiet' });
  }

  /** Steps the clock of the process. */
  async step(ms: number): Promise<void> {
    await this.#ask({ type: 'step', ms });
  }

  /** The longest time since the start for which its event loop did not go on, in milliseconds. */
  async stall(): Promise<number> {
    return (await this.#ask({ type: 'stall' })) as number;
  }

  async memory(): Promise<NodeJS.MemoryUsage> {
    return (await this.#ask({ type: 'memory' })) as NodeJS.MemoryUsage;
  }

  freeze(): void {
    this.#isFrozen = true;
    this.child.kill('SIGSTOP');
  }

  thaw(): void {
    if (this.#isFrozen) this.child.kill('SIGCONT');
    this.#isFrozen = false;
  }

  /** Kills it at once; resolves when it is gone. */
  async kill(): Promise<void> {
    this.#isKilled ||= !this.#isGone;
    this.child.kill('SIGKILL');
    await this.#exit;
  }

  async #ask(command: Command): Promise<unknown> {
    const answer = this.#next();
    if (!this.#isGone) this.child.send(command);
    return answer;
  }

  #next(): Promise<unknown> {
    if (this.#isGone) return Promise.reject(new Error('The process has ended'));
    return new Promise((resolve, reject) => {
      this.#answer = { resolve, reject };
    });
  }

  #take(message: Message): void {
    if (message.type === 'event') this.#told.push(message);
    else this.#settle(message.type === 'failed' ? new Error(message.message) : null, message);
  }

  #settle(error: Error | null, message?: Message): void {
    const answer = this.#answer;
    this.#answer = null;
    if (error) answer?.reject(error);
    else answer?.resolve(message?.type === 'done' ? message.value : null);
  }
}
