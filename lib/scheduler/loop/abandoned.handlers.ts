import type { Clock } from '../../model/clock.js';
import { formatDuration } from '../../model/duration.js';
import { wait } from '../../time/wait.js';
import type { HeldRun } from './held.run.js';
import { LimitedLines } from './limited.lines.js';
import type { RunServices } from './run.services.js';

/** How often it is said again that handlers still run, in milliseconds. */
const REMIND_MS = 60_000;

/** How many of them a reminder, and how many the scheduler's info, names. */
const MAX_NAMED = 5;
const MAX_LISTED = 100;

/**
 * A handler that still runs in this process although its run is over: it did not obey its signal in time.
 *
 * @publicApi
 */
export interface AbandonedHandler {
  /** The alias of the store. */
  readonly store: string;
  readonly taskId: string;
  readonly runId: string;
  readonly handler: string;
  /** The alias of the executor of which it takes a place. */
  readonly executor: string;
  /** When its run was ended without it. */
  readonly since: Date;
}

interface Abandoned extends AbandonedHandler {
  /** On the monotonic clock. */
  readonly at: number;
}

/**
 * The handlers that still run here although their runs are over. Nobody can stop them. So they are told of, until they end,
 * and no run of their task starts here beside them.
 */
export class AbandonedHandlers {
  readonly #handlers = new Map<HeldRun, Abandoned>();
  readonly #countByTask = new Map<string, number>();
  readonly #clock: Clock;
  readonly #lines: LimitedLines;
  #cancel: (() => void) | null = null;

  /** @param onEnd One of them has ended. */
  constructor(
    private readonly services: Pick<RunServices, 'alias' | 'clock' | 'logger'>,
    private readonly onEnd: () => void,
  ) {
    const { clock, logger } = services;
    this.#clock = clock;
    const more = (count: number) => `${count} more handlers still run although their runs are over`;
    this.#lines = new LimitedLines(clock, (...line) => logger.warn(...line), more);
  }

  get count(): number {
    return this.#handlers.size;
  }

  /** How many are of this task. */
  of(taskId: string): number {
    return this.#countByTask.get(taskId) ?? 0;
  }

  /** The first of them: there may be any number. */
  list(): readonly AbandonedHandler[] {
    return Array.from(this.#handlers.values(), ({ at: _at, ...one }) => one).slice(0, MAX_LISTED);
  }

  add(run: HeldRun): void {
    const { clock, alias: store } = this.services;
    const { id: taskId, handler: name, executor } = run.task;
    const since = new Date(clock.now());
    this.#handlers.set(run, {
      store,
      taskId,
      runId: run.runId,
      handler: name,
      executor,
      since,
      at: clock.monotonic(),
    });
    this.#countByTask.set(taskId, this.of(taskId) + 1);
    this.#lines.add(
      `The handler "${name}" did not obey its aborted signal, and still runs although its run "${run.runId}" is over. ` +
        `Until it ends it keeps its place in executor "${executor}", and its task does not start beside it in this process`,
      run.logFields,
    );
    this.#cancel ??= wait(clock, REMIND_MS, () => this.#remind());
  }

  /** Says nothing more. */
  stop(): void {
    this.#cancel?.();
    this.#cancel = null;
    this.#lines.flush();
  }

  #remind(): void {
    const { logger } = this.services;
    const now = this.#clock.monotonic();
    const named = [...this.#handlers.values()]
      .slice(0, MAX_NAMED)
      .map(({ handler, runId, at }) => `"${handler}" (run "${runId}", for ${formatDuration(Math.round(now - at))})`);
    const more = this.count > MAX_NAMED ? ` and ${this.count - MAX_NAMED} more` : '';
    logger.warn(`Handlers still run although their runs are over: ${named.join(', ')}${more}`);
    this.#cancel = wait(this.#clock, REMIND_MS, () => this.#remind());
  }

  /** The handler of a run that was added has ended. */
  ended(run: HeldRun): void {
    const { id } = run.task;
    const { at, handler } = this.#handlers.get(run)!;
    this.#handlers.delete(run);
    if (this.of(id) > 1) this.#countByTask.set(id, this.of(id) - 1);
    else this.#countByTask.delete(id);
    const after = formatDuration(Math.round(this.#clock.monotonic() - at));
    this.services.logger.info(
      `The handler "${handler}" has ended, ${after} after its run "${run.runId}"`,
      run.logFields,
    );
    if (this.count === 0) {
      this.#cancel?.();
      this.#cancel = null;
    }
    this.onEnd();
  }
}
