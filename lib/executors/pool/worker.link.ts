import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { Worker } from 'node:worker_threads';
import type { ResourceLimits } from 'node:worker_threads';
import { reviveError } from './crossing.js';
import type { BootRequest, FromWorker, ToWorker } from './messages.js';

/** How a worker is made. */
export interface WorkerSettings {
  readonly kind: 'thread' | 'process';
  /** The file that it begins with. */
  readonly file: string;
  readonly resourceLimits: ResourceLimits | undefined;
  /** Of a process, beside those of this one. */
  readonly env: Readonly<Record<string, string>> | undefined;
  readonly execArgv: readonly string[] | undefined;
}

/** How a worker has ended. */
export interface WorkerEnd {
  /** In words: `with exit code 3`. */
  readonly how: string;
  /** What it ended with, where that is known. */
  readonly cause: unknown;
}

/**
 * One thread or process, and the messages to and from it. Neither keeps this process alive: the scheduler does, until it is
 * stopped.
 */
export class WorkerLink {
  /** Resolves when the worker has ended, however that came. */
  readonly ended: Promise<WorkerEnd>;
  readonly #worker: Worker | ChildProcess;
  #cause: unknown;
  #hasEnded = false;
  /** Why it was ended from here; null when it was not. */
  #killed: string | null = null;

  constructor(
    settings: WorkerSettings,
    boot: BootRequest,
    private readonly receive: (message: FromWorker) => void,
  ) {
    const worker = settings.kind === 'thread' ? createThread(settings, boot) : createProcess(settings, boot);
    this.#worker = worker;
    worker.on('message', (message: FromWorker) => this.#received(message));
    worker.on('error', (error) => this.#note(error));
    this.ended = new Promise((resolve) => {
      const end = (code: number | null, signal: NodeJS.Signals | null = null) => {
        this.#hasEnded = true;
        resolve({ how: this.#killed ?? inWords(code, signal, this.#cause), cause: this.#cause });
      };
      worker.once('exit', end);
      // One that could not be made has no end.
      if (!(worker instanceof Worker) && worker.pid === undefined) worker.once('error', () => end(null));
    });
    worker.unref();
  }

  /** Sends a message; nothing once the worker has ended. @throws DataCloneError For what structured clone does not take. */
  send(message: ToWorker): void {
    if (this.#hasEnded) return;
    const worker = this.#worker;
    if (worker instanceof Worker) worker.postMessage(message, []);
    // One that is about to end has no channel any more. Its end is told all the same.
    else if (worker.connected) worker.send(message, () => {});
  }

  /**
   * Ends the worker at once, whatever it does.
   *
   * @param how What is said of its end: `since it did not answer`.
   */
  kill(how: string): void {
    this.#killed ??= how;
    const worker = this.#worker;
    if (worker instanceof Worker) void worker.terminate();
    else worker.kill('SIGKILL');
  }

  #received(message: FromWorker): void {
    if (message.type === 'crash') this.#note(reviveError(message.error));
    else this.receive(message);
  }

  /** The first is the cause, what follows its consequences. */
  #note(error: unknown): void {
    this.#cause ??= error;
  }
}

function createThread({ file, resourceLimits }: WorkerSettings, boot: BootRequest): Worker {
  return new Worker(file, { workerData: boot, ...(resourceLimits && { resourceLimits }) });
}

function createProcess({ file, resourceLimits, env, execArgv }: WorkerSettings, boot: BootRequest): ChildProcess {
  const child = fork(file, [JSON.stringify(boot)], {
    env: { ...process.env, ...env },
    execArgv: execArgvOf(execArgv, resourceLimits),
    serialization: 'advanced',
  });
  child.channel?.unref();
  return child;
}

/** Debuggers listen on a port that this process has. */
function execArgvOf(given: readonly string[] | undefined, limits: ResourceLimits | undefined): string[] {
  const own = given ?? process.execArgv.filter((argument) => !argument.startsWith('--inspect'));
  const { maxOldGenerationSizeMb } = limits ?? {};
  return maxOldGenerationSizeMb === undefined
    ? [...own]
    : [...own, `--max-old-space-size=${Math.ceil(maxOldGenerationSizeMb)}`];
}

function inWords(code: number | null, signal: NodeJS.Signals | null, cause: unknown): string {
  if ((cause as NodeJS.ErrnoException | undefined)?.code === 'ERR_WORKER_OUT_OF_MEMORY') return 'out of memory';
  // V8 ends a process like this that has no memory left.
  if (signal === 'SIGABRT' || code === 134) return 'by an abort, as one that is out of memory does';
  if (signal !== null) return `by ${signal}`;
  return code === null ? 'before it began' : `with exit code ${code}`;
}
