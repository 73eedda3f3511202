import { MACHINE } from '../../model/clock.js';
import { unstoredResult } from '../../model/unstored-result.js';
import { wait } from '../../time/wait.js';
import { TaskContext } from '../task-context.js';
import type { TaskContextSource } from '../task-context.js';
import { keepVerdict } from '../verdict.js';
import { CONTEXT_FIELDS, dataOf } from './context.fields.js';
import { crossError, pack, reviveError, unpack } from './crossing.js';
import type { ContextCall, FromWorker, ToWorker, Unchecked } from './messages.js';

/** How long the worker of an aborted run has to show that its event loop goes round, in milliseconds. */
const ANSWER_MS = 500;

/** What is said of a worker that was ended. */
const DEAF = 'by force: its handler blocked it and got no abort';
const DISOBEDIENT = 'by force: its handler did not obey its aborted signal';

/** After so many calls the worker is told that they were taken. */
const TAKEN_EVERY = 50;

/** What a run needs of its worker. */
interface RunWorker {
  readonly send: (message: ToWorker) => void;
  /** Ends the worker at once: the run does not come back otherwise. */
  readonly kill: (how: string) => void;
  /** How long a handler has to end once its signal was aborted, in milliseconds. */
  readonly abortGraceMs: number;
  /** The largest answer of a call of the context, in bytes. */
  readonly maxBytes: number;
}

interface Called {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

type AnyFunction = (...args: readonly unknown[]) => unknown;

/** One run in a worker, as this side sees it. */
export class RemoteRun {
  /** What the handler returns or throws. */
  readonly result: Promise<unknown>;
  readonly #source: TaskContextSource;
  #resolve!: (value: unknown) => void;
  #reject!: (error: unknown) => void;
  #cancelWait: () => void = () => {};
  #isAborted = false;
  #taken = 0;
  /** The calls of functions of the worker that have not returned. */
  readonly #called = new Map<number, Called>();
  #calls = 0;
  /** In which call of a function of the worker an error was thrown. */
  readonly #thrownIn = new WeakMap<object, number>();

  constructor(
    private readonly number: number,
    context: TaskContext,
    private readonly worker: RunWorker,
  ) {
    this.#source = TaskContext.sourceOf(context);
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  get runId(): string {
    return this.#source.runId;
  }

  /** Has the worker begin. @throws What a value is refused with that cannot go. */
  start(handler: string, args: readonly unknown[], unchecked: Unchecked | null): void {
    const { signal } = this.#source;
    const aborted = signal.aborted ? crossError(signal.reason) : null;
    this.worker.send({
      type: 'run',
      run: this.number,
      handler,
      args,
      unchecked,
      fields: dataOf(this.#source),
      aborted,
    });
    if (aborted) this.#awaitAnswer();
    else signal.addEventListener('abort', this.#abort, { once: true });
  }

  /** Takes a message of this run. Returns whether the run is over. */
  receive(message: Exclude<FromWorker, { type: 'ready' | 'unready' | 'line' | 'crash' }>): boolean {
    switch (message.type) {
      case 'call':
        this.#call(message);
        return false;
      case 'alive':
        this.#awaitEnd();
        return false;
      case 'called':
      case 'failed':
        this.#returned(message);
        return false;
      case 'returned': {
        const { value } = message;
        this.#over();
        this.#resolve('bytes' in value ? unpack(value.bytes) : unstoredResult(value.problem, value.message));
        return true;
      }
      case 'threw': {
        const { verdict } = message;
        const error = reviveError(message.error);
        keepVerdict(error, () => {
          if ('fault' in verdict) throw reviveError(verdict.fault);
          return { isRetryable: verdict.retryable, backoffMs: verdict.backoffMs };
        });
        this.fail(error);
        return true;
      }
    }
  }

  /** The run is over without the worker. */
  fail(error: unknown): void {
    this.#over();
    for (const { reject } of this.#called.values()) reject(error);
    this.#reject(error);
  }

  readonly #abort = (): void => {
    this.worker.send({ type: 'abort', run: this.number, reason: crossError(this.#source.signal.reason) });
    this.#awaitAnswer();
  };

  /** A worker whose event loop stands still does not get the message: nothing but its end ends the run. */
  #awaitAnswer(): void {
    this.#isAborted = true;
    this.#cancelWait = wait(MACHINE, ANSWER_MS, () => this.worker.kill(DEAF));
  }

  /** The handler has its grace, as in this process; after that, unlike here, it can be ended. */
  #awaitEnd(): void {
    this.#cancelWait();
    if (this.#isAborted)
      this.#cancelWait = wait(MACHINE, this.worker.abortGraceMs, () => this.worker.kill(DISOBEDIENT));
  }

  #over(): void {
    this.#isAborted = false;
    this.#cancelWait();
    this.#source.signal.removeEventListener('abort', this.#abort);
  }

  #call(message: ContextCall): void {
    const { field, method, args, functions, call } = message;
    const values = (unpack(args) as unknown[]).map((value, at) => {
      const fn = functions[at] ?? null;
      return fn === null ? value : (...given: unknown[]) => this.#callBack(fn, given);
    });
    const crossing = CONTEXT_FIELDS[field as keyof TaskContextSource];
    const target: unknown = this.#source[field as keyof TaskContextSource];
    if (crossing === 'ask') void this.#answer(call!, () => (target as AnyFunction)(...values));
    else if (crossing === 'object') {
      void this.#answer(call!, () => (target as Record<string, AnyFunction>)[method!]!(...values));
    } else {
      this.#countTaken();
      if (crossing === 'tell') (this.#source as unknown as Record<string, AnyFunction>)[field]!(...values);
      else this.#source.log[method as 'log'](...(values as [unknown]));
    }
  }

  #countTaken(): void {
    this.#taken += 1;
    if (this.#taken < TAKEN_EVERY) return;
    this.#taken = 0;
    this.worker.send({ type: 'taken', run: this.number, count: TAKEN_EVERY });
  }

  async #answer(call: number, ask: () => unknown): Promise<void> {
    const { number: run, worker } = this;
    try {
      worker.send({ type: 'answer', run, call, value: pack(await ask(), worker.maxBytes) });
    } catch (error) {
      const thrownIn = this.#thrownIn.get(error as object) ?? null;
      worker.send({ type: 'refusal', run, call, error: crossError(error), thrownIn });
    }
  }

  /** Calls a function of the worker that was an argument. */
  #callBack(fn: number, args: readonly unknown[]): Promise<unknown> {
    const call = ++this.#calls;
    const packed = pack(args, this.worker.maxBytes);
    if (!('bytes' in packed))
      throw new Error(`What the function is called with cannot go to a worker: ${packed.message}`);
    return new Promise((resolve, reject) => {
      this.#called.set(call, { resolve, reject });
      this.worker.send({ type: 'callback', run: this.number, fn, call, args: packed.bytes });
    });
  }

  #returned(message: Extract<FromWorker, { type: 'called' | 'failed' }>): void {
    const { call } = message;
    const { resolve, reject } = this.#called.get(call)!;
    this.#called.delete(call);
    if (message.type === 'failed') {
      const error = reviveError(message.error);
      this.#thrownIn.set(error, call);
      reject(error);
    } else if ('bytes' in message.value) resolve(unpack(message.value.bytes));
    else reject(new TypeError(`What the function gives cannot leave the worker: ${message.value.message}`));
  }
}
