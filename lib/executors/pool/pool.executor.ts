import { availableParallelism } from 'node:os';
import { UnknownNameError } from '../../errors/input.errors.js';
import type { WorkerBootError } from '../../errors/executor.errors.js';
import { MACHINE } from '../../model/clock.js';
import type { HandlerInputSchema } from '../../model/json.schema.js';
import { formatDuration } from '../../model/duration.js';
import type { Duration } from '../../model/duration.js';
import { Deadline } from '../../time/deadline.js';
import { toMilliseconds } from '../../time/inputs.js';
import { BaseExecutor } from '../base.executor.js';
import type { ExecutorContext, ExecutorJob } from '../executor.interface.js';
import { checkModule, locateModule } from './module.location.js';
import type { WorkerModule } from './module.location.js';
import type { Booted } from './messages.js';
import { Place } from './place.js';
import { workerFile } from './worker.file.js';
import type { WorkerSettings } from './worker.link.js';

/** How long a module may take to boot by default, in milliseconds. */
const BOOT_TIMEOUT_MS = 30_000;

/**
 * What executors of threads and of processes have in common.
 *
 * @publicApi
 */
export interface PoolExecutorOptions {
  /**
   * The module that has the handlers: `() => import('./worker.module.js')`, which is read and never called here, or its URL. Each
   * worker loads it once. It exports a Nest module, whose providers have `@TaskHandler` methods, or functions, whose
   * names are those of the handlers.
   */
  readonly module: WorkerModule;
  /**
   * How long a worker may take to boot the module. After that it is ended and made again.
   *
   * @default '30s'
   */
  readonly bootTimeout?: Duration;
}

/** How many runs at a time: one core is left to the process itself. */
export function defaultPlaces(): number {
  return Math.max(1, availableParallelism() - 1);
}

interface Waiting {
  readonly take: (place: Place) => void;
  readonly fail: (error: unknown) => void;
}

/** Executes each run in a worker of its own: a thread or a process, which is made again whenever it ends. */
export abstract class PoolExecutor extends BaseExecutor {
  /** The handlers that the module has; none before it has booted. */
  handlers: readonly string[] = [];
  /** What those of them take that do not take whatever they get. */
  inputs: ReadonlyMap<string, HandlerInputSchema> = new Map();
  /** @internal What the module of NestJS has to say about its workers. */
  settings: unknown = null;
  readonly #module: WorkerModule;
  readonly #bootTimeoutMs: number;
  #places: readonly Place[] = [];
  /** Runs that have started while a worker ended, and wait for its successor. */
  #waiting: Waiting[] = [];
  #scheduler: ExecutorContext | null = null;
  #isReported = false;
  #hasBooted = false;

  /**
   * @param count How many workers, a whole number from 1.
   * @param option What that is called in the options.
   */
  constructor({ module, bootTimeout = BOOT_TIMEOUT_MS }: PoolExecutorOptions, count: number, option: string) {
    super(count, option);
    this.#module = checkModule(module);
    this.#bootTimeoutMs = toMilliseconds(bootTimeout, 'bootTimeout', { min: 1 });
  }

  /** @internal How its workers are made. */
  protected abstract workers(file: string): WorkerSettings;

  /** How many workers are free. None while the module does not boot. */
  override get room(): number {
    const free = this.#places.filter(({ isFree }) => isFree).length - this.#waiting.length;
    return Math.max(0, Math.min(free, super.room));
  }

  /**
   * Makes the workers. One that does not boot is reported, and does not keep the scheduler from starting: tasks of this executor
   * wait, here or for another scheduler.
   *
   * @throws InvalidOptionError When it cannot be told which module is meant.
   */
  async start(context: ExecutorContext): Promise<void> {
    this.#scheduler = context;
    const module = await locateModule(this.#module);
    const { alias, logger, abortGraceMs, startTimeoutMs, maxResultBytes } = context;
    const told = new Set<Place>();
    const all = new Promise<void>((resolve) => {
      const tell = (place: Place) => {
        told.add(place);
        if (told.size === this.concurrency) resolve();
      };
      const settings = {
        alias,
        logger,
        abortGraceMs,
        worker: this.workers(workerFile()),
        boot: { module, scheduler: context.scheduler, maxResultBytes, settings: this.settings },
        bootTimeoutMs: this.#bootTimeoutMs,
        onReady: (place: Place, booted: Booted) => {
          this.#ready(place, booted);
          tell(place);
        },
        onUnready: (place: Place, error: WorkerBootError, waitMs: number) => {
          this.#unready(error, waitMs);
          tell(place);
        },
      };
      this.#places = Array.from({ length: this.concurrency }, () => new Place(settings));
      for (const place of this.#places) place.open();
    });
    // A module that takes longer boots while the scheduler goes on.
    await new Deadline(MACHINE, startTimeoutMs / 2).holds(all);
  }

  async shutdown(): Promise<void> {
    const places = this.#places;
    this.#places = [];
    await Promise.all(places.map((place) => place.close()));
  }

  protected run({ context, handler, input, schemaVersion, invoke }: ExecutorJob): unknown {
    if (!this.handlers.includes(handler)) {
      throw new UnknownNameError(
        'handler',
        handler,
        this.handlers,
        `It is not in the module of executor "${this.#alias}".`,
      );
    }
    const unchecked = this.#scheduler!.checksArguments(handler) ? null : { input, schemaVersion };
    const callIn = (place: Place) => invoke((args) => place.run(context, handler, args, unchecked));
    const place = this.#places.find(({ isFree }) => isFree);
    return place ? callIn(place) : this.#whenFree(context.signal).then(callIn);
  }

  get #alias(): string {
    return this.#scheduler?.alias ?? '';
  }

  #whenFree(signal: AbortSignal): Promise<Place> {
    return new Promise((resolve, reject) => {
      const abort = () => {
        this.#waiting = this.#waiting.filter((one) => one !== waiting);
        reject(signal.reason as Error);
      };
      const waiting: Waiting = {
        take: (place) => {
          signal.removeEventListener('abort', abort);
          resolve(place);
        },
        fail: (error) => {
          signal.removeEventListener('abort', abort);
          reject(error as Error);
        },
      };
      if (signal.aborted) return reject(signal.reason as Error);
      signal.addEventListener('abort', abort, { once: true });
      this.#waiting.push(waiting);
    });
  }

  #ready(place: Place, { handlers, inputs, ignored }: Booted): void {
    // The same in each worker, and every time.
    if (!this.#hasBooted)
      for (const what of ignored) this.#scheduler!.logger.warn(`In the module of executor "${this.#alias}" ${what}`);
    this.#hasBooted = true;
    this.inputs = new Map(inputs);
    this.handlers = handlers;
    if (this.#isReported) this.#scheduler?.logger.info(`The module of executor "${this.#alias}" has booted`);
    this.#isReported = false;
    this.#waiting.shift()?.take(place);
    this.#scheduler?.changed();
  }

  /** Told once, until it boots again: the same happens in each worker, and every time. */
  #unready(error: WorkerBootError, waitMs: number): void {
    if (!this.#isReported) {
      const { logger } = this.#scheduler!;
      const what = `Executor "${this.#alias}" takes no runs: its module does not boot, and is tried again, first in ${formatDuration(waitMs)}`;
      logger.error(what, error);
    }
    this.#isReported = true;
    for (const { fail } of this.#waiting.splice(0)) fail(error);
  }
}
