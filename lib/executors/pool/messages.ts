import type { TaskInput } from '../../model/definition.js';
import type { HandlerInputSchema } from '../../model/json.schema.js';
import type { TaskLogLevel } from '../../model/run.output.js';
import type { CrossedError, Packed } from './crossing.js';

/** What a worker is told when it begins. */
export interface BootRequest {
  /** The URL of the module that has the handlers. */
  readonly module: string;
  /** The name of the scheduler. */
  readonly scheduler: string;
  /** The largest result, in bytes. */
  readonly maxResultBytes: number;
  /** What the module of NestJS has to say about its workers. */
  readonly settings: unknown;
}

/** What an error of a handler leads to, as far as the handler has a say: see `HandlerPolicy`. */
export type Verdict =
  | { readonly retryable: boolean; readonly backoffMs: number | null | undefined }
  /** Its policy failed itself. */
  | { readonly fault: CrossedError };

/** Arguments that the scheduler has not checked: see `HandlerInput`. */
export interface Unchecked {
  readonly input: TaskInput;
  readonly schemaVersion: number | null;
}

/** What a worker is told. Runs have a number that is never used again. */
export type ToWorker =
  | {
      readonly type: 'run';
      readonly run: number;
      readonly handler: string;
      readonly args: readonly unknown[];
      /** How the arguments were given that are to be checked; null where the scheduler has checked them. */
      readonly unchecked: Unchecked | null;
      /** The fields of the context that are data. */
      readonly fields: Readonly<Record<string, unknown>>;
      /** Why the run was aborted already; null when it was not. */
      readonly aborted: CrossedError | null;
    }
  | { readonly type: 'abort'; readonly run: number; readonly reason: CrossedError }
  /** The answer of a call that asked for one. */
  | { readonly type: 'answer'; readonly run: number; readonly call: number; readonly value: Packed }
  | {
      readonly type: 'refusal';
      readonly run: number;
      readonly call: number;
      readonly error: CrossedError;
      /** The call of a function of the worker that has thrown this; null for an error of this side. */
      readonly thrownIn: number | null;
    }
  /** Calls a function that was an argument. Each call has a number of its own. */
  | {
      readonly type: 'callback';
      readonly run: number;
      readonly fn: number;
      readonly call: number;
      readonly args: Uint8Array;
    }
  /** So many calls were taken: more may be sent. */
  | { readonly type: 'taken'; readonly run: number; readonly count: number }
  /** Nothing more comes: close the module and end. */
  | { readonly type: 'stop' };

/** What the module of a worker has. */
export interface Booted {
  readonly handlers: readonly string[];
  /** What those of them take that do not take whatever they get. */
  readonly inputs: readonly (readonly [handler: string, input: HandlerInputSchema])[];
  /** What of the module has no effect there. */
  readonly ignored: readonly string[];
}

/** What a worker tells. */
export type FromWorker =
  | ({ readonly type: 'ready' } & Booted)
  | { readonly type: 'unready'; readonly error: CrossedError }
  | ContextCall
  /** A function that was an argument has returned. */
  | { readonly type: 'called'; readonly run: number; readonly call: number; readonly value: Packed }
  | { readonly type: 'failed'; readonly run: number; readonly call: number; readonly error: CrossedError }
  /** Its event loop goes round: sent for each abort. */
  | { readonly type: 'alive'; readonly run: number }
  | { readonly type: 'returned'; readonly run: number; readonly value: Packed }
  | { readonly type: 'threw'; readonly run: number; readonly error: CrossedError; readonly verdict: Verdict }
  /** A line of the module, outside of runs. */
  | { readonly type: 'line'; readonly level: TaskLogLevel; readonly message: string }
  /** It ends because of this. */
  | { readonly type: 'crash'; readonly error: CrossedError };

/** A call of something of the context. */
export interface ContextCall {
  readonly type: 'call';
  readonly run: number;
  /** A field of `TaskContextSource`. */
  readonly field: string;
  /** The method of it; null for a call of the field itself. */
  readonly method: string | null;
  readonly args: Uint8Array;
  /** Which arguments are functions, by their numbers; null for the others. */
  readonly functions: readonly (number | null)[];
  /** The number of the call that waits for an answer; null where none is awaited. */
  readonly call: number | null;
}
