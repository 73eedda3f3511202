import type { CanActivate, ExceptionFilter, NestInterceptor, PipeTransform } from '@nestjs/common';
import { ApplicationConfig } from '@nestjs/core';
import type { ContextId } from '@nestjs/core';
import type { Injector } from '@nestjs/core/injector/injector.js';
import type { InstanceWrapper } from '@nestjs/core/injector/instance-wrapper.js';
import { InvalidOptionError } from '../../errors/input.errors.js';
import { AsynczExceptionFilter } from '../exception.filter.js';
import { byKind, ENHANCER_KINDS } from './enhancers.js';
import type { EnhancerKind, EnhancersByKind } from './enhancers.js';

/**
 * Which of the application's global enhancers apply to runs: all, none, or those of some kinds.
 *
 * @publicApi
 */
export type GlobalEnhancers = boolean | readonly EnhancerKind[];

interface GlobalsOfKind {
  /** Objects of which there is one. */
  fixed(config: ApplicationConfig): readonly (object | null | undefined)[];
  /** Those that are request-scoped or transient. */
  scoped(config: ApplicationConfig): readonly InstanceWrapper[];
  add(config: ApplicationConfig, enhancer: object): void;
}

const GLOBALS: Readonly<Record<EnhancerKind, GlobalsOfKind>> = {
  guards: {
    fixed: (config) => config.getGlobalGuards(),
    scoped: (config) => config.getGlobalRequestGuards(),
    add: (config, guard) => config.addGlobalGuard(guard as CanActivate),
  },
  interceptors: {
    fixed: (config) => config.getGlobalInterceptors(),
    scoped: (config) => config.getGlobalRequestInterceptors(),
    add: (config, interceptor) => config.addGlobalInterceptor(interceptor as NestInterceptor),
  },
  pipes: {
    fixed: (config) => config.getGlobalPipes(),
    scoped: (config) => config.getGlobalRequestPipes(),
    add: (config, pipe) => config.addGlobalPipe(pipe as PipeTransform),
  },
  filters: {
    fixed: (config) => config.getGlobalFilters(),
    scoped: (config) => config.getGlobalRequestFilters(),
    add: (config, filter) => config.addGlobalFilter(filter as ExceptionFilter),
  },
};

/** The kinds that the option names. @throws InvalidOptionError */
export function globalKinds(option: GlobalEnhancers | undefined): readonly EnhancerKind[] {
  if (option === undefined || option === false) return [];
  if (option === true) return ENHANCER_KINDS;
  if (Array.isArray(option) && option.every((kind) => ENHANCER_KINDS.includes(kind as EnhancerKind))) return option;
  const allowed = `true, false or a list of ${ENHANCER_KINDS.map((kind) => `"${kind}"`).join(', ')}`;
  throw new InvalidOptionError('globalEnhancers', option, allowed);
}

/**
 * The enhancers that an application has declared for all that it handles, by kind: those that are left out of runs unless
 * somebody decides on it. What is for HTTP by its purpose, our own filter, is not among them.
 */
export function allGlobals(config: ApplicationConfig): EnhancersByKind {
  return byKind((kind) => [
    ...fixedGlobals(config, kind).filter((enhancer) => !(enhancer instanceof AsynczExceptionFilter)),
    ...GLOBALS[kind]
      .scoped(config)
      .map(({ metatype, name }) => (metatype as object | null) ?? { constructor: { name } }),
  ]);
}

/** The global enhancers of which there is one. A factory of the application may have given nothing, on purpose. */
export function fixedGlobals(config: ApplicationConfig, kind: EnhancerKind): readonly object[] {
  return GLOBALS[kind].fixed(config).filter((enhancer) => enhancer !== null && enhancer !== undefined);
}

/** The global enhancers that apply to the runs of one scheduler. */
export class AppliedGlobals {
  constructor(
    private readonly config: ApplicationConfig,
    private readonly injector: Injector,
    private readonly kinds: readonly EnhancerKind[],
  ) {}

  /** Whether some of them are made for each run. */
  get isScoped(): boolean {
    return this.kinds.some((kind) => GLOBALS[kind].scoped(this.config).length > 0);
  }

  get isEmpty(): boolean {
    return !this.isScoped && this.kinds.every((kind) => fixedGlobals(this.config, kind).length === 0);
  }

  /** Those of which there is one, in the form in which Nest takes them. */
  fixed(): ApplicationConfig {
    const applied = new ApplicationConfig();
    for (const kind of this.kinds) for (const one of fixedGlobals(this.config, kind)) GLOBALS[kind].add(applied, one);
    return applied;
  }

  /** All of them for one run. */
  async ofRun(contextId: ContextId): Promise<ApplicationConfig> {
    const applied = this.fixed();
    for (const kind of this.kinds) {
      for (const wrapper of GLOBALS[kind].scoped(this.config)) {
        const { host } = wrapper;
        const blank = (wrapper.instance ?? {}) as object;
        GLOBALS[kind].add(
          applied,
          await this.injector.loadPerContext<object>(blank, host!, host!.injectables, contextId, wrapper),
        );
      }
    }
    return applied;
  }
}
