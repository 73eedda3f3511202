/** Counts how often each task has run, so that a lost or a doubled one cannot go unnoticed. */
export class Ledger {
  #times;
  #left;
  #goal = 0;
  #reach = () => {};

  constructor(count) {
    this.#times = new Uint16Array(count);
    this.#left = count;
  }

  /** Resolves when each task has run at least once. */
  get finished() {
    return this.reached(0);
  }

  /** Resolves when no more tasks than that have not run; only the last question is answered. */
  reached(left) {
    if (this.#left <= left) return Promise.resolve();
    this.#goal = left;
    return new Promise((resolve) => {
      this.#reach = resolve;
    });
  }

  /** To be called by the handler. */
  ran(id) {
    this.#times[id] += 1;
    if (this.#times[id] === 1 && --this.#left === this.#goal) this.#reach();
  }

  get doubled() {
    return this.#times.filter((times) => times > 1).length;
  }

  get left() {
    return this.#left;
  }
}

/** Says why a figure does not count. */
export class FailedRun extends Error {}

/** Rejects unless each task ran once, nothing is left in the store, and the history is whole where it is kept. */
export async function check(ledger, session, count) {
  const { left, doubled } = ledger;
  if (left > 0 || doubled > 0) throw new FailedRun(`${left} of ${count} tasks did not run, ${doubled} ran twice`);
  const tasks = await session.left();
  if (tasks > 0) throw new FailedRun(`${tasks} tasks are left in the store`);
  const kept = await session.kept();
  if (!isWhole(session, kept, count)) throw new FailedRun(`the history has ${kept} runs of ${count}`);
}

/** Whether a history has all runs that it should have. */
export function isWhole({ mostKept = Infinity }, kept, count) {
  return kept === null || kept === Math.min(count, mostKept);
}

/** Waits until a promise resolves, and says what was waited for when it does not. */
export async function within(ms, promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new FailedRun(typeof what === 'function' ? what() : what)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

export const sleep = (ms) =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });

/**
 * Waits until nothing is left in the store: ends may be written after the handlers have run.
 *
 * @returns The time at which it was asked whether there is something, on the clock of `performance`: it had ended by then.
 */
export async function drained(session) {
  for (let pause = 1; ; pause = Math.min(20, pause * 2)) {
    const asked = performance.now();
    if ((await session.left()) === 0) return asked;
    await sleep(pause);
  }
}

/** The whole numbers from `from` on, `size` at a time. */
export function* slices(count, size, from = 0) {
  for (let at = from; at < from + count; at += size) {
    yield Array.from({ length: Math.min(size, from + count - at) }, (_, index) => at + index);
  }
}
