import type { Type } from '@nestjs/common';
import {
  EXCEPTION_FILTERS_METADATA,
  GUARDS_METADATA,
  INTERCEPTORS_METADATA,
  PIPES_METADATA,
} from '@nestjs/common/constants.js';

/**
 * A kind of what NestJS puts around a handler.
 *
 * @publicApi
 */
export type EnhancerKind = 'guards' | 'interceptors' | 'pipes' | 'filters';

/** Under which key Nest keeps the enhancers of a class or a method, and what one has to have. */
const KINDS: Readonly<Record<EnhancerKind, { readonly key: string; readonly method: string }>> = {
  guards: { key: GUARDS_METADATA, method: 'canActivate' },
  interceptors: { key: INTERCEPTORS_METADATA, method: 'intercept' },
  pipes: { key: PIPES_METADATA, method: 'transform' },
  filters: { key: EXCEPTION_FILTERS_METADATA, method: 'catch' },
};

export const ENHANCER_KINDS = Object.keys(KINDS) as readonly EnhancerKind[];

/** Enhancers of each kind: a class that the container makes, or an object. */
export type EnhancersByKind = Readonly<Record<EnhancerKind, readonly object[]>>;

/** Makes one entry for each kind. */
export function byKind<T>(entryOf: (kind: EnhancerKind) => T): Record<EnhancerKind, T> {
  return Object.fromEntries(ENHANCER_KINDS.map((kind) => [kind, entryOf(kind)])) as Record<EnhancerKind, T>;
}

/** The enhancers that decorators have left on a class or a function, in their order. */
export function enhancersOn(target: object): EnhancersByKind {
  return byKind((kind) => (Reflect.getMetadata(KINDS[kind].key, target) ?? []) as object[]);
}

export function hasEnhancers(enhancers: EnhancersByKind): boolean {
  return ENHANCER_KINDS.some((kind) => enhancers[kind].length > 0);
}

/** Whether the class of an enhancer does its work in a static method, which Nest calls too. */
export function isStaticEnhancer(kind: EnhancerKind, enhancer: object): boolean {
  return typeof (enhancer as Record<string, unknown>)[KINDS[kind].method] === 'function';
}

/** Whether it is a class, of which the container makes the object. */
export function isClass(enhancer: object): enhancer is Type {
  return typeof enhancer === 'function';
}

/** Says which enhancers there are: `guards (RolesGuard), pipes (ValidationPipe)`. */
export function describeEnhancers(enhancers: EnhancersByKind): string {
  return ENHANCER_KINDS.filter((kind) => enhancers[kind].length > 0)
    .map((kind) => `${kind} (${[...new Set(enhancers[kind].map(nameOfEnhancer))].join(', ')})`)
    .join(', ');
}

/** The class of an enhancer, for messages. */
export function nameOfEnhancer(enhancer: object): string {
  if (typeof enhancer === 'function') return enhancer.name;
  return (enhancer.constructor as { name?: string } | undefined)?.name ?? String(enhancer);
}
