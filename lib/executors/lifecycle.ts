import { quietly } from '../model/logger.js';
import type { Logger } from '../model/logger.js';
import type { HandlerGenerator, TaskContext, Ticking } from './task-context.js';

/** How often a generator may yield while it cleans up: one that does so for ever is left to itself. */
const MAX_YIELDS = 10;

/** A generator that is under way: what a task is in this process, from its first run to the stop. */
interface Lifecycle {
  readonly store: string;
  readonly taskId: string;
  readonly generator: HandlerGenerator;
  /** Whether it has come to its first `yield`. */
  isSetUp: boolean;
  /** The end of the run that was asked for last. */
  last: Promise<unknown>;
}

/**
 * The generators of this process: one for each task whose handler is one. Each run of the task is a tick: it goes on from one `yield`
 * to the next. The first run sets up before, up to the first `yield`. When the scheduler stops, what is in `finally` cleans up.
 */
export class Lifecycles implements Ticking {
  readonly #running = new Map<string, Lifecycle>();

  constructor(private readonly logger: Logger) {}

  /**
   * Goes on with the generator of a task: ticks at the same time come one after the other. One that throws or returns is over, and
   * the next tick begins anew.
   *
   * @param made What the call of the handler gave; it is used if the task has none under way, and costs nothing otherwise, as no
   *   line of it has run.
   * @returns What it yields, or returns.
   */
  tick(context: TaskContext, made: HandlerGenerator): Promise<unknown> {
    const { store, task } = context;
    const key = JSON.stringify([store, task.id]);
    let lifecycle = this.#running.get(key);
    if (!lifecycle) {
      lifecycle = { store, taskId: task.id, generator: made, isSetUp: false, last: Promise.resolve() };
      this.#running.set(key, lifecycle);
    }
    const before = lifecycle;
    const turn = before.last.then(() =>
      // The tick before may have ended it.
      this.#running.get(key) === before ? this.#advance(key, before, context) : this.tick(context, made),
    );
    before.last = turn.catch(() => {});
    return turn;
  }

  /**
   * Cleans up: of all tasks, or of those of a store. Resolves when all have done so; what one of them throws is logged.
   *
   * @param store The alias of the store.
   */
  async end(store?: string): Promise<void> {
    const ending = [...this.#running].filter(([, one]) => store === undefined || one.store === store);
    for (const [key] of ending) this.#running.delete(key);
    await Promise.all(
      ending.map(([, { taskId, generator }]) =>
        quietly(this.logger, `The clean-up of task "${taskId}"`, () => cleanUp(generator)),
      ),
    );
  }

  async #advance(key: string, lifecycle: Lifecycle, context: TaskContext): Promise<unknown> {
    context.signal.throwIfAborted();
    if (!lifecycle.isSetUp) {
      const { done, value } = await this.#next(key, lifecycle, context);
      if (done) return value;
      lifecycle.isSetUp = true;
      context.signal.throwIfAborted();
    }
    return (await this.#next(key, lifecycle, context)).value;
  }

  async #next(key: string, lifecycle: Lifecycle, context: TaskContext): Promise<IteratorResult<unknown, unknown>> {
    let isOver = true;
    try {
      const result = await lifecycle.generator.next(context);
      isOver = result.done === true;
      return result;
    } finally {
      if (isOver && this.#running.get(key) === lifecycle) this.#running.delete(key);
    }
  }
}

async function cleanUp(generator: HandlerGenerator): Promise<void> {
  let { done } = await generator.return(undefined);
  for (let left = MAX_YIELDS; !done && left > 0; left -= 1) {
    ({ done } = await generator.next(undefined as never));
  }
}
