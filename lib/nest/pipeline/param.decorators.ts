import { ROUTE_ARGS_METADATA } from '@nestjs/common/constants.js';
import type { PipeTransform, Type } from '@nestjs/common';
import { DeclarationError } from '../../errors/declaration.error.js';
import { InvalidOptionError } from '../../errors/input.errors.js';
import { declarationError, nameOfMethod } from '../method.marks.js';

/** A pipe, or its class. */
type Pipe = PipeTransform | Type<PipeTransform>;

/** What of the run a parameter gets. */
export type ParamSource = 'payload' | 'args' | 'context';

/** What the keys of our parameters begin with, where Nest keeps those of all transports. */
const PREFIX = 'asyncz';

/** What is kept of a parameter; Nest finds the pipes here, and makes those that are classes. */
interface ParamEntry {
  readonly index: number;
  readonly data: unknown;
  readonly pipes: readonly Pipe[];
}

/** The source that the key of a parameter names; null where the parameter is of another library. */
export function sourceOf(key: string): ParamSource | null {
  const [prefix, source] = key.split(':');
  return prefix === PREFIX ? (source as ParamSource) : null;
}

/**
 * Gives a parameter the payload of the task, which is its `data` or its first argument, or one field of that. The pipes of the method, of its
 * class and of the parameter are applied to it: with `ValidationPipe` it is checked against the parameter's class.
 *
 * ```ts
 * @TaskHandler('mail.send')
 * send(@Payload() mail: MailDto, @Payload('to') to: string, @Context() context: TaskContext) {}
 * ```
 *
 * @param field The name of a field of the payload.
 * @throws DeclarationError When it does not stand on a parameter of a method.
 * @publicApi
 */
export function Payload(field: string, ...pipes: Pipe[]): ParameterDecorator;
export function Payload(...pipes: Pipe[]): ParameterDecorator;
export function Payload(...given: (string | Pipe)[]): ParameterDecorator {
  return paramDecorator('@Payload', 'payload', given, (field) => {
    if (typeof field !== 'string') throw new InvalidOptionError('field', field, 'the name of a field, or a pipe');
  });
}

/**
 * Gives a parameter the argument of the task at a place, from 0, or all arguments as an array. The pipes of the method, of its class
 * and of the parameter are applied to it.
 *
 * ```ts
 * @TaskHandler('invoices.send')
 * send(@Args(0, ParseUUIDPipe) invoiceId: string, @Args(1) copies: number) {}
 * ```
 *
 * @throws DeclarationError When it does not stand on a parameter of a method, or the place is no whole number from 0.
 * @publicApi
 */
export function Args(index: number, ...pipes: Pipe[]): ParameterDecorator;
export function Args(...pipes: Pipe[]): ParameterDecorator;
export function Args(...given: (number | Pipe)[]): ParameterDecorator {
  return paramDecorator('@Args', 'args', given, (index) => {
    if (!Number.isInteger(index) || (index as number) < 0) {
      throw new InvalidOptionError('index', index, 'a whole number from 0, or a pipe');
    }
  });
}

/**
 * Gives a parameter the `TaskContext` of the run. No pipe is applied to it.
 *
 * @throws DeclarationError When it does not stand on a parameter of a method.
 * @publicApi
 */
export function Context(): ParameterDecorator {
  return paramDecorator('@Context', 'context', [], () => {});
}

/** @param check Throws for a first option that is neither allowed nor a pipe. */
function paramDecorator(
  decorator: string,
  source: ParamSource,
  given: readonly unknown[],
  check: (first: unknown) => void,
): ParameterDecorator {
  return (target, key, index) => {
    if (key === undefined || typeof target === 'function') {
      const owner = typeof target === 'function' ? target : target.constructor;
      const problem = 'it belongs to a parameter of a method of the instance that is a handler.';
      throw new DeclarationError(decorator, nameOfMethod(owner.name, key ?? 'constructor'), problem);
    }
    const hasData = given.length > 0 && !isPipe(given[0]);
    const pipes = hasData ? given.slice(1) : given;
    try {
      if (hasData) check(given[0]);
      // Nest leaves out what is no pipe, without a word.
      for (const pipe of pipes) if (!isPipe(pipe)) throw new InvalidOptionError('pipe', pipe, 'a pipe, or its class');
    } catch (error) {
      throw declarationError(decorator, nameOfMethod(target.constructor.name, key), error);
    }
    const entry: ParamEntry = { index, data: hasData ? given[0] : undefined, pipes: pipes as Pipe[] };
    const all = (Reflect.getMetadata(ROUTE_ARGS_METADATA, target.constructor, key) ?? {}) as Record<string, ParamEntry>;
    // A parameter of an overridden method may have another decorator.
    const others = Object.entries(all).filter(([, other]) => other.index !== index);
    const metadata = { ...Object.fromEntries(others), [`${PREFIX}:${source}:${index}`]: entry };
    Reflect.defineMetadata(ROUTE_ARGS_METADATA, metadata, target.constructor, key);
  };
}

function isPipe(value: unknown): value is Pipe {
  if (value === null || value === undefined) return false;
  const { prototype, transform } = value as { prototype?: Partial<PipeTransform>; transform?: unknown };
  return typeof transform === 'function' || typeof prototype?.transform === 'function';
}
