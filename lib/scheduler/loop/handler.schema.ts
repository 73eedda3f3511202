import { types } from 'node:util';
import { show } from '../../errors/asyncz.error.js';
import { isArray, isObject, read } from '../../errors/foreign.js';
import { InvalidOptionError } from '../../errors/input.errors.js';
import { promiseOf } from '../../errors/returned.js';
import { ArgumentsRefusedError, SchemaFailedError } from '../../errors/schema.errors.js';
import { messageOf } from '../../errors/thrown.js';
import type { HandlerInput, TaskInput } from '../../model/definition.js';
import { namesOf } from '../../model/names.js';
import type { HandlerInputSchema } from '../../model/json.schema.js';
import type { StandardSchema } from '../../model/standard.schema.js';
import { toJsonSchema } from '../../schemas/to-json.schema.js';
import type { ToldSchema } from '../../schemas/to-json.schema.js';
import { refusalOf } from './schema.issues.js';

/**
 * What the arguments of a handler have to be. It is code and is not stored, but for the version.
 *
 * @publicApi
 */
export interface HandlerSchemaOptions {
  /**
   * A schema of zod, valibot, arktype or another library that implements Standard Schema. It checks the `data` of a task, or its
   * list of `args`, when the task is added or changed, and before each run. The handler gets what it makes of them.
   */
  readonly schema?: StandardSchema;
  /**
   * The version of what the handler takes, a whole number from 1. Raise it when what is stored of older tasks does not fit any
   * more, and give an `upcast` for each version before. What a newer version has stored is left to processes that have it.
   *
   * @default 1
   */
  readonly schemaVersion?: number;
  /**
   * For each earlier version a function that makes the arguments of the next one of it: it gets the `data`, or the list of `args`, and
   * gives a list for `args`, and anything else for `data`. It may be asynchronous.
   */
  readonly upcast?: Readonly<Record<number, (input: any) => unknown>>;
}

/** The names of {@link HandlerSchemaOptions}. */
export const HANDLER_SCHEMA_OPTIONS = namesOf<keyof HandlerSchemaOptions>({ schema: 0, schemaVersion: 0, upcast: 0 });

/** Checks them. @throws InvalidOptionError */
export function checkSchemaOptions({ schema, schemaVersion, upcast }: HandlerSchemaOptions): void {
  if (schema !== undefined && typeof validateOf(schema) !== 'function') {
    throw new InvalidOptionError('schema', schema, 'a schema that implements Standard Schema, such as one of zod');
  }
  if (schemaVersion !== undefined && (!Number.isSafeInteger(schemaVersion) || schemaVersion < 1)) {
    throw new InvalidOptionError('schemaVersion', schemaVersion, 'a whole number from 1');
  }
  if (upcast === undefined) return;
  if (!isObject(upcast) || isArray(upcast) || types.isMap(upcast)) {
    throw new InvalidOptionError('upcast', upcast, 'an object with a function for each version');
  }
  const version = schemaVersion ?? 1;
  const keys = Object.keys(upcast);
  const versions = keys.map(Number);
  for (const [at, from] of versions.entries()) {
    const isVersion = Number.isInteger(from) && from >= 1 && from < version && String(from) === keys[at];
    if (!isVersion || typeof upcast[from] !== 'function') {
      const allowed = `functions under the versions before ${version} (schemaVersion)`;
      throw new InvalidOptionError(`upcast[${keys[at]}]`, (upcast as Record<string, unknown>)[keys[at]!], allowed);
    }
  }
  for (let from = Math.min(version, ...versions); from < version; from += 1) {
    if (upcast[from] === undefined) {
      throw new InvalidOptionError(`upcast[${from}]`, undefined, `a function: each version up to ${version} needs one`);
    }
  }
}

/** How many arguments a list may have that a schema or an `upcast` has made. */
const MAX_ARGS = 1_000_000;

/** The arguments that a handler is called with. */
type Args = readonly unknown[];

/** Checks the arguments of one handler, and brings those of older code to what it takes now. */
export class HandlerSchema {
  /** What tasks are stored with; null where no version is given, which counts as 1. */
  readonly version: number | null;
  readonly #schema: StandardSchema | undefined;
  readonly #upcast: NonNullable<HandlerSchemaOptions['upcast']>;
  #told: ToldSchema | null = null;

  private constructor(
    private readonly handler: string,
    { schema, schemaVersion, upcast = {} }: HandlerSchemaOptions,
  ) {
    this.version = schemaVersion ?? null;
    this.#schema = schema;
    this.#upcast = { ...upcast };
  }

  /** null for a handler that takes whatever it gets. */
  static of(handler: string, options: HandlerSchemaOptions): HandlerSchema | null {
    const { schema, schemaVersion } = options;
    return schema === undefined && schemaVersion === undefined ? null : new HandlerSchema(handler, options);
  }

  /** What can be told to other processes. */
  get told(): HandlerInputSchema {
    const told = this.#toldSchema();
    return { schemaVersion: this.version ?? 1, schema: told !== null && 'schema' in told ? told.schema : null };
  }

  /** Why the schema cannot be told; null where it can, or there is none. */
  get problem(): string | null {
    const told = this.#toldSchema();
    return told !== null && 'problem' in told ? told.problem : null;
  }

  #toldSchema(): ToldSchema | null {
    if (this.#schema !== undefined) this.#told ??= toJsonSchema(this.#schema);
    return this.#told;
  }

  /**
   * What the handler is called with. No promise where none has to be awaited.
   *
   * @throws ArgumentsRefusedError When the schema refuses them, or they are too old. SchemaFailedError When the schema throws, or an
   *   `upcast` does. A promise rejects with the same.
   */
  argsOf({ args, input, schemaVersion }: HandlerInput): Args | Promise<Args> {
    const value = input === 'data' ? args[0] : args;
    const from = schemaVersion ?? 1;
    if (from >= (this.version ?? 1)) return this.#checked(value);
    return this.#upcasted(value, from).then((newer) => this.#checked(newer));
  }

  async #upcasted(value: unknown, from: number): Promise<unknown> {
    let newer = value;
    for (let version = from; version < this.version!; version += 1) {
      const upcast = this.#upcast[version];
      if (!upcast) throw this.#tooOld(value, version);
      try {
        newer = await upcast(newer);
      } catch (error) {
        throw new SchemaFailedError(this.handler, `upcast[${version}] threw: ${messageOf(error)}`, { cause: error });
      }
    }
    return newer;
  }

  #tooOld(value: unknown, version: number): ArgumentsRefusedError {
    const message = `they are of version ${version} (schemaVersion), for which there is no "upcast"`;
    return new ArgumentsRefusedError(this.handler, [{ path: kindOf(value), message, rule: null }]);
  }

  #checked(value: unknown): Args | Promise<Args> {
    const input = kindOf(value);
    if (this.#schema === undefined) return input === 'data' ? [value] : this.#listed(value as Args);
    let result: unknown;
    try {
      result = validateOf(this.#schema)!.call(this.#schema['~standard'], value);
    } catch (error) {
      throw this.#failed(error);
    }
    const promise = promiseOf(result);
    if (!promise) return this.#read(result, input);
    const failed = (error: unknown): never => {
      throw this.#failed(error);
    };
    return promise.then((answer) => this.#read(answer, input), failed);
  }

  #failed(error: unknown): SchemaFailedError {
    return new SchemaFailedError(this.handler, `it threw: ${messageOf(error)}`, { cause: error });
  }

  #read(result: unknown, input: TaskInput): Args {
    const issues = isObject(result) ? read(result, 'issues') : null;
    if (issues !== undefined && issues !== null) throw refusalOf(this.handler, input, issues);
    if (issues === null || !('value' in (result as object))) {
      throw new SchemaFailedError(this.handler, `it gave ${show(result)}, which is no answer of Standard Schema.`);
    }
    const value = read(result as object, 'value');
    if (input === 'data') return [value];
    if (isArray(value)) return this.#listed(value);
    throw new SchemaFailedError(this.handler, `it made ${show(value)} of a list of arguments, and not a list.`);
  }

  /** A list may be longer than anything that is in it: one of 4,294,967,295 holes takes no memory until it is copied for a call. */
  #listed(args: Args): Args {
    const length = read(args, 'length');
    if (typeof length === 'number' && length <= MAX_ARGS) return args;
    throw new SchemaFailedError(this.handler, `it made a list of ${show(length)} arguments. Allowed: ${MAX_ARGS}.`);
  }
}

/** A list is one of arguments: nobody can give one as `data`. */
function kindOf(value: unknown): TaskInput {
  return isArray(value) ? 'args' : 'data';
}

/** Schemas of some libraries are functions. */
function validateOf(schema: unknown): StandardSchema['~standard']['validate'] | undefined {
  const props = isObject(schema) ? read(schema, '~standard') : undefined;
  const validate = isObject(props) ? read(props, 'validate') : undefined;
  return typeof validate === 'function' ? (validate as StandardSchema['~standard']['validate']) : undefined;
}
