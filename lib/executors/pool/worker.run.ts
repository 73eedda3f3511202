import { AsyncResource } from 'node:async_hooks';
import { InvalidOptionError } from '../../errors/input.errors.js';
import { MACHINE } from '../../model/clock.js';
import { SILENT_LOGGER } from '../../model/logger.js';
import { guardListeners } from '../guarded.signal.js';
import { runInTaskContext, TaskContext } from '../task-context.js';
import type { TaskContextSource } from '../task-context.js';
import { TaskLog } from '../task-log.js';
import type { TaskLogLine } from '../task-log.js';
import { fieldsThat } from './context.fields.js';
import { crossError, pack, reviveError, unpack } from './crossing.js';
import type { Packed } from './crossing.js';
import { Outbox } from './outbox.js';
import type { FromWorker, ToWorker } from './messages.js';
import type { WorkerHandlers } from './worker.handlers.js';

/** The largest call of the context, such as one of `progress`, in bytes. */
export const MAX_CALL_BYTES = 65_536;

interface Asked {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** One run in a worker, as the worker sees it. */
export class WorkerRun {
  readonly number: number;
  readonly #controller = new AbortController();
  readonly #outbox: Outbox;
  readonly #asked = new Map<number, Asked>();
  /** The functions that were arguments, by number, and what they have thrown, by the number of their call. */
  readonly #functions: ((...args: unknown[]) => unknown)[] = [];
  readonly #thrown = new Map<number, unknown>();
  readonly #context: TaskContext;
  #calls = 0;

  constructor(
    private readonly request: Extract<ToWorker, { type: 'run' }>,
    private readonly send: (message: FromWorker) => void,
    private readonly maxResultBytes: number,
  ) {
    this.number = request.run;
    const leftOut = (lines: number) =>
      this.#context.log.warn(`${lines} lines were left out before the one above: they came too fast`);
    this.#outbox = new Outbox(send, request.run, leftOut);
    this.#context = new TaskContext(this.#source());
    if (request.aborted) this.#abort(request.aborted);
  }

  /** Calls the handler, and sends what it returns or throws. Never rejects. */
  async execute(handlers: WorkerHandlers): Promise<void> {
    const { run, handler, args, unchecked } = this.request;
    try {
      const result = await runInTaskContext(this.#context, () =>
        handlers.call(handler, args, this.#context, unchecked),
      );
      this.#outbox.flush();
      this.send({ type: 'returned', run, value: pack(result, this.maxResultBytes) });
    } catch (error) {
      this.#outbox.flush();
      const verdict = handlers.verdict(handler, error, this.#context.attempt);
      this.send({ type: 'threw', run, error: crossError(error), verdict });
    }
  }

  receive(message: Exclude<ToWorker, { type: 'run' | 'stop' }>): void {
    switch (message.type) {
      case 'abort':
        return this.#abort(message.reason);
      case 'taken':
        return this.#outbox.taken(message.count);
      case 'answer':
        return this.#answered(message.call, ({ resolve, reject }) => {
          const { value } = message;
          if ('bytes' in value) resolve(unpack(value.bytes));
          else reject(new Error(`The answer cannot be sent to the worker: ${value.message}`));
        });
      case 'refusal': {
        const { thrownIn } = message;
        // What comes back from here is the very error that was thrown here.
        const error = thrownIn === null ? reviveError(message.error) : this.#thrown.get(thrownIn);
        return this.#answered(message.call, ({ reject }) => reject(error));
      }
      case 'callback':
        void this.#callBack(message);
        return;
    }
  }

  #abort(reason: Parameters<typeof reviveError>[0]): void {
    this.send({ type: 'alive', run: this.number });
    this.#controller.abort(reviveError(reason));
  }

  async #callBack({ fn, call, args }: Extract<ToWorker, { type: 'callback' }>): Promise<void> {
    const { number: run } = this;
    try {
      const result = await this.#functions[fn]!(...(unpack(args) as unknown[]));
      this.send({ type: 'called', run, call, value: pack(result, this.maxResultBytes) });
    } catch (error) {
      this.#thrown.set(call, error);
      this.send({ type: 'failed', run, call, error: crossError(error) });
    }
  }

  #answered(call: number, settle: (asked: Asked) => void): void {
    const asked = this.#asked.get(call);
    this.#asked.delete(call);
    if (asked) settle(asked);
  }

  #source(): TaskContextSource {
    const { signal } = this.#controller;
    const fields: Record<string, unknown> = { ...this.request.fields, signal };
    for (const field of fieldsThat('tell')) fields[field] = (...args: unknown[]) => this.#tell(field, args);
    for (const field of fieldsThat('ask')) fields[field] = (...args: unknown[]) => this.#ask(field, null, args);
    for (const field of fieldsThat('object')) fields[field] = this.#object(field);
    const { runId, attempt } = fields as unknown as TaskContextSource;
    const log = new TaskLog({ runId, attempt }, SILENT_LOGGER, MACHINE, (line) => this.#line(line));
    guardListeners(signal, (error) => log.error('A listener of the signal failed', error));
    return { ...fields, log } as TaskContextSource;
  }

  #line({ level, message, stack }: TaskLogLine): void {
    const args = stack === null ? [message] : [message, stack];
    this.#outbox.tell({ field: 'log', method: level, args: packed('log', args), functions: [], call: null });
  }

  #tell(field: string, args: readonly unknown[]): void {
    this.#outbox.tell({ field, method: null, args: packed(field, args), functions: [], call: null });
  }

  #object(field: string): object {
    return new Proxy(
      {},
      {
        get: (_, method) =>
          typeof method === 'string' ? (...args: unknown[]) => this.#ask(field, method, args) : undefined,
      },
    );
  }

  /**
   * Functions among the arguments are called here, within the context of the one who passes them. The promise may be left alone: a
   * handler need not await each step.
   */
  #ask(field: string, method: string | null, args: readonly unknown[]): Promise<unknown> {
    const call = ++this.#calls;
    const functions = args.map((arg) =>
      typeof arg === 'function' ? this.#functions.push(AsyncResource.bind(arg as () => unknown)) - 1 : null,
    );
    const answer = new Promise((resolve, reject) => {
      this.#asked.set(call, { resolve, reject });
      const data = args.map((arg, at) => (functions[at] === null ? arg : null));
      const bytes = packed(method ?? field, data);
      this.send({ type: 'call', run: this.number, field, method, args: bytes, functions, call });
    });
    answer.catch(() => {});
    return answer;
  }
}

/** @throws InvalidOptionError For what cannot be sent. */
function packed(field: string, args: readonly unknown[]): Uint8Array {
  const value: Packed = pack(args, MAX_CALL_BYTES);
  if ('bytes' in value) return value.bytes;
  throw new InvalidOptionError(
    `${field}()`,
    args[0],
    `what structured clone takes, of ${MAX_CALL_BYTES} bytes at the most, since the handler runs in a worker (${value.message})`,
  );
}
