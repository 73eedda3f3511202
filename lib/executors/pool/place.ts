import { WorkerBootError, WorkerEndedError } from '../../errors/executor.errors.js';
import { MACHINE } from '../../model/clock.js';
import type { Logger } from '../../model/logger.js';
import { wait } from '../../time/wait.js';
import type { TaskContext } from '../task-context.js';
import { reviveError } from './crossing.js';
import type { Booted, BootRequest, FromWorker, Unchecked } from './messages.js';
import { RemoteRun } from './remote.run.js';
import { WorkerLink } from './worker.link.js';
import type { WorkerEnd, WorkerSettings } from './worker.link.js';

/** How long to wait before a worker is made again that did not boot or ended without a run, in milliseconds: the first time, at the most. */
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 60_000;

/** How long a worker has to close its module and end, in milliseconds. A scheduler waits five seconds for its executors. */
const CLOSING_MS = 4_000;

/** What is said of a worker that the shutdown has ended. */
const CLOSED = 'with the shutdown of its executor';

/** What the places of one executor have in common. */
export interface PlaceSettings {
  readonly alias: string;
  readonly worker: WorkerSettings;
  readonly boot: BootRequest;
  readonly bootTimeoutMs: number;
  readonly abortGraceMs: number;
  readonly logger: Logger;
  /** A worker has booted. */
  readonly onReady: (place: Place, booted: Booted) => void;
  /** A worker does not boot; it is tried again. */
  readonly onUnready: (place: Place, error: WorkerBootError, waitMs: number) => void;
}

/** A place for one run at a time, with a worker that is made again whenever it ends. */
export class Place {
  #link: WorkerLink | null = null;
  #isReady = false;
  #run: RemoteRun | null = null;
  #isClosed = false;
  #runs = 0;
  /** How often in a row the worker ended without an end of a run in between. */
  #vain = 0;
  #bootError: unknown = null;
  #cancelWait: () => void = () => {};

  constructor(private readonly settings: PlaceSettings) {}

  /** Whether it takes a run now. */
  get isFree(): boolean {
    return this.#isReady && this.#run === null;
  }

  /** Makes a worker. */
  open(): void {
    const { worker, boot, bootTimeoutMs } = this.settings;
    this.#bootError = null;
    const link = new WorkerLink(worker, boot, (message) => this.#receive(link, message));
    this.#link = link;
    this.#cancelWait = wait(MACHINE, bootTimeoutMs, () => {
      this.#bootError = new Error(`It has not booted within ${bootTimeoutMs} ms.`);
      link.kill('without having booted');
    });
    void link.ended.then((end) => this.#ended(end));
  }

  /** Executes a run; the place is free. */
  run(context: TaskContext, handler: string, args: readonly unknown[], unchecked: Unchecked | null): Promise<unknown> {
    const link = this.#link!;
    this.#runs += 1;
    const run = new RemoteRun(this.#runs, context, {
      send: (message) => link.send(message),
      kill: (how) => link.kill(how),
      abortGraceMs: this.settings.abortGraceMs,
      maxBytes: this.settings.boot.maxResultBytes,
    });
    this.#run = run;
    try {
      run.start(handler, args, unchecked);
    } catch (error) {
      this.#run = null;
      throw error;
    }
    return run.result;
  }

  /** Ends the worker; in time if it closes its module in time. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelWait();
    const link = this.#link;
    if (!link) return;
    if (this.isFree) {
      link.send({ type: 'stop' });
      this.#cancelWait = wait(MACHINE, CLOSING_MS, () => link.kill(CLOSED));
    } else link.kill(CLOSED);
    await link.ended;
  }

  #receive(link: WorkerLink, message: FromWorker): void {
    switch (message.type) {
      case 'ready':
        this.#cancelWait();
        this.#isReady = true;
        this.settings.onReady(this, message);
        return;
      case 'unready':
        this.#bootError = reviveError(message.error);
        link.kill('without having booted');
        return;
      case 'line':
        this.#log(message);
        return;
      case 'crash':
        return;
      default:
        // Of a run that was given up, nothing is of interest.
        if (message.run !== this.#runs || !this.#run?.receive(message)) return;
        this.#run = null;
        this.#vain = 0;
    }
  }

  #log({ level, message }: Extract<FromWorker, { type: 'line' }>): void {
    const { logger, alias } = this.settings;
    const line = `[${alias}] ${message}`;
    if (level === 'error' || level === 'fatal') logger.error(line);
    else if (level === 'warn') logger.warn(line);
    else logger.debug(line);
  }

  #ended({ how, cause }: WorkerEnd): void {
    const { alias, boot, logger } = this.settings;
    const run = this.#run;
    const wasReady = this.#isReady;
    this.#cancelWait();
    this.#link = null;
    this.#isReady = false;
    this.#run = null;
    run?.fail(new WorkerEndedError(alias, run.runId, how, { cause }));
    if (this.#isClosed) return;
    const waitMs = this.#nextWaitMs(run !== null);
    if (!wasReady) {
      const error = this.#bootError ?? cause ?? new Error(`It ended ${how}.`);
      this.settings.onUnready(this, new WorkerBootError(alias, boot.module, error), waitMs);
    } else if (!run) logger.error(`A worker of executor "${alias}" ended ${how}; it is replaced`, cause);
    this.#cancelWait = wait(MACHINE, waitMs, () => this.open());
  }

  /** One that ended with its run is replaced at once. */
  #nextWaitMs(hadRun: boolean): number {
    if (hadRun) return 0;
    this.#vain += 1;
    return Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (this.#vain - 1));
  }
}
