import type { InjectionToken } from '@nestjs/common';
import type { ModulesContainer } from '@nestjs/core';

/** The distance of a module that is farther out than the root module, which has the smallest one that NestJS gives. */
const OUTSIDE = -1;

/**
 * Has NestJS call the hooks of the modules that provide `token` after those of all others at the start, and before all others
 * at the end, wherever they are imported. NestJS sorts the modules by their distance from the root when it calls the first
 * hook: the farthest one first, and at the end in the opposite order. It is called while providers are made, before that.
 */
export function putOutside(container: ModulesContainer, token: InjectionToken): void {
  for (const module of container.values()) {
    if (module.providers.has(token)) module.distance = OUTSIDE;
  }
}
