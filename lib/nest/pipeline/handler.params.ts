import type { ArgumentMetadata, Type } from '@nestjs/common';
import { CUSTOM_ROUTE_ARGS_METADATA, PARAMTYPES_METADATA, ROUTE_ARGS_METADATA } from '@nestjs/common/constants.js';
import { DeclarationError } from '../../errors/declaration.error.js';
import type { DecoratedMethod } from '../method.finder.js';
import { isTaskContextType } from '../method.handler.js';
import type { AsynczExecutionContext } from './execution.context.js';
import { sourceOf } from './param.decorators.js';
import type { ParamSource } from './param.decorators.js';

/** A parameter that says what it gets. */
export interface HandlerParam {
  readonly index: number;
  readonly metadata: ArgumentMetadata;
  /** The pipes of the parameter itself: classes, or objects. */
  readonly pipes: readonly object[];
  /** Whether pipes are applied: to all but the context. */
  readonly isPiped: boolean;
  /** What it gets, before the pipes; a parameter decorator of the application may give a promise of it. */
  valueOf(context: AsynczExecutionContext): unknown;
}

/** What Nest keeps of a parameter. */
interface ParamEntry {
  readonly index: number;
  readonly data?: unknown;
  readonly pipes?: readonly object[];
  readonly schema?: unknown;
  readonly factory?: (data: unknown, context: AsynczExecutionContext) => unknown;
}

const CONTEXT = { pipes: [], isPiped: false, valueOf: (context: AsynczExecutionContext) => context.getTaskContext() };

/**
 * Reads the parameter decorators of a method. A parameter of the type `TaskContext` needs none.
 *
 * @param decorator That of the handler, for messages.
 * @returns None when no parameter has a decorator: then the method gets the arguments one after the other.
 * @throws DeclarationError When a parameter would get nothing.
 */
export function readParams(decorator: string, prototype: object, method: DecoratedMethod): readonly HandlerParam[] {
  const { key, functions, name: methodName } = method;
  const refuse = (problem: string): never => {
    throw new DeclarationError(decorator, methodName, problem);
  };
  const entries = (Reflect.getMetadata(ROUTE_ARGS_METADATA, prototype.constructor, key) ?? {}) as object;
  const types = typesOf(prototype, key);
  const params = new Map<number, HandlerParam>();
  for (const [name, entry] of Object.entries(entries) as [string, ParamEntry][]) {
    const param = paramOf(name, entry, types[entry.index]);
    if (param) params.set(entry.index, param);
    else {
      refuse(
        `its parameter ${entry.index} has a decorator of another transport, such as @Body() or that of a message. ` +
          'Take @Payload(), @Args(n) or @Context() of nestjs-asyncz.',
      );
    }
  }
  if (params.size === 0) return [];
  const declared = Math.max(types.length, ...functions.map((one) => (one as { length: number }).length));
  for (let index = 0; index < declared; index += 1) {
    if (params.has(index)) continue;
    if (isTaskContextType(types[index])) params.set(index, { index, metadata: { type: 'custom' }, ...CONTEXT });
    else if (functions.every((one) => index < (one as { length: number }).length)) {
      refuse(
        `its parameter ${index} has no decorator, and would be undefined, since another one has. ` +
          'Give it @Args(n), @Payload() or @Context().',
      );
    }
  }
  return [...params.values()].sort((one, other) => one.index - other.index);
}

/** The classes of the parameters, as far as the compiler leaves them. */
export function typesOf(prototype: object, key: string | symbol): readonly (Type | undefined)[] {
  return (Reflect.getMetadata(PARAMTYPES_METADATA, prototype, key) ?? []) as readonly (Type | undefined)[];
}

/** null for a parameter of another transport. */
function paramOf(name: string, entry: ParamEntry, metatype: Type | undefined): HandlerParam | null {
  const { index, data, pipes = [], schema, factory } = entry;
  if (name.includes(CUSTOM_ROUTE_ARGS_METADATA)) {
    const metadata = { type: 'custom', metatype, data, schema } as ArgumentMetadata;
    return { index, metadata, pipes, isPiped: true, valueOf: (context) => factory?.(data, context) };
  }
  const source = sourceOf(name);
  if (source === null) return null;
  if (source === 'context') return { index, metadata: { type: 'custom', metatype }, ...CONTEXT };
  const metadata = { type: 'body', metatype, data: typeof data === 'string' ? data : undefined } as ArgumentMetadata;
  return { index, metadata, pipes, isPiped: true, valueOf: (context) => VALUES[source](context, data) };
}

const VALUES: Readonly<
  Record<Exclude<ParamSource, 'context'>, (context: AsynczExecutionContext, data: unknown) => unknown>
> = {
  payload: (context, field) => {
    const payload = context.getPayload<Record<string, unknown> | null | undefined>();
    return field === undefined ? payload : payload?.[field as string];
  },
  args: (context, index) => (index === undefined ? context.getTaskArgs() : context.getTaskArgs()[index as number]),
};
