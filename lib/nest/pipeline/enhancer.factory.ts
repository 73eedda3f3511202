import type { CanActivate, NestInterceptor, PipeTransform } from '@nestjs/common';
import type { ApplicationConfig, ContextId } from '@nestjs/core';
import { EXCEPTION_FILTERS_METADATA } from '@nestjs/common/constants.js';
import { ExternalExceptionFilterContext } from '@nestjs/core/exceptions/external-exception-filter-context.js';
import { ExternalExceptionsHandler } from '@nestjs/core/exceptions/external-exceptions-handler.js';
import { GuardsContextCreator } from '@nestjs/core/guards/guards-context-creator.js';
import { InterceptorsContextCreator } from '@nestjs/core/interceptors/interceptors-context-creator.js';
import { PipesContextCreator } from '@nestjs/core/pipes/pipes-context-creator.js';
import { DeclarationError } from '../../errors/declaration.error.js';
import { byKind, describeEnhancers, ENHANCER_KINDS, enhancersOn, isClass, isStaticEnhancer } from './enhancers.js';
import type { EnhancerKind, EnhancersByKind } from './enhancers.js';
import { fixedGlobals } from './global.enhancers.js';
import type { HandlerParam } from './handler.params.js';
import { blankOf, decoratorOf, functionOf, moduleOf } from './hosted.method.js';
import type { HostedMethod } from './hosted.method.js';
import type { NestParts } from './nest.parts.js';

/** The objects around a handler. */
export interface Enhancers {
  readonly guards: readonly CanActivate[];
  readonly interceptors: NestInterceptor[];
  /** Those of all parameters, and those of each. */
  readonly pipes: PipeTransform[];
  readonly ofParams: readonly PipeTransform[][];
  readonly filters: ExternalExceptionsHandler;
}

/** Nest gives the list of filters to a handler that also logs what no filter catches, which the engine does. */
class FilterCreator extends ExternalExceptionFilterContext {
  ofMethod(method: HostedMethod, moduleKey: string, contextId: ContextId | undefined): FilterList {
    this.moduleContext = moduleKey;
    const { id } = method.wrapper;
    return this.createContext(blankOf(method), functionOf(method), EXCEPTION_FILTERS_METADATA, contextId, id);
  }

  of(filters: readonly object[], moduleKey: string): FilterList {
    this.moduleContext = moduleKey;
    return this.createConcreteContext([...filters]);
  }
}

type FilterList = Parameters<ExternalExceptionsHandler['setCustomFilters']>[0];

/** Makes the enhancers of one method: once, or for a run. */
export class EnhancerFactory {
  readonly #declared: EnhancersByKind;
  readonly #moduleKey: string;

  /** @throws DeclarationError When Nest would leave one out without a word. */
  constructor(
    private readonly method: HostedMethod,
    private readonly params: readonly HandlerParam[],
    private readonly parts: NestParts,
  ) {
    const ofClass = enhancersOn(method.prototype.constructor);
    const ofMethod = enhancersOn(functionOf(method));
    this.#declared = byKind((kind) => [...ofClass[kind], ...ofMethod[kind]]);
    this.#moduleKey = parts.keyOf(moduleOf(method));
    this.#checkReplaced(ofMethod);
    this.#checkKnown();
  }

  /**
   * @param globals The global enhancers, all made.
   * @param contextId That of the run where the method's object, or something around it, is request-scoped.
   * @throws DeclarationError When one is missing: a guard is never skipped.
   */
  make(globals: ApplicationConfig, contextId?: ContextId): Enhancers {
    const { container } = this.parts;
    const { wrapper } = this.method;
    const where = [blankOf(this.method), functionOf(this.method), this.#moduleKey, contextId, wrapper.id] as const;
    const pipesCreator = new PipesContextCreator(container, globals);
    const guards = new GuardsContextCreator(container, globals).create(...where);
    const interceptors = new InterceptorsContextCreator(container, globals).create(...where);
    const pipes = pipesCreator.create(...where);
    const filters = new FilterCreator(container, globals).ofMethod(this.method, this.#moduleKey, contextId);
    const made = { guards, interceptors, pipes, filters };
    for (const kind of ENHANCER_KINDS) {
      const expected = [...fixedGlobals(globals, kind), ...this.#declared[kind]];
      if (made[kind].length < expected.length) this.#refuse(kind, expected);
    }
    const ofParams = this.params.map((param) => {
      const own: PipeTransform[] = pipesCreator.createConcreteContext([...param.pipes], contextId, wrapper.id);
      if (own.length < param.pipes.length) this.#refuse('pipes', param.pipes);
      return own;
    });
    return { guards, interceptors, pipes, ofParams, filters: handlerOf(filters) };
  }

  /** The filters that need nothing of a run: those that can be told that the rest could not be made. */
  makeFixedFilters(globals: ApplicationConfig): ExternalExceptionsHandler {
    const { injectables } = moduleOf(this.method);
    const fixed = this.#declared.filters.filter((filter) => {
      const wrapper = isClass(filter) ? injectables.get(filter) : undefined;
      return !wrapper || (wrapper.isDependencyTreeStatic() && !wrapper.isTransient);
    });
    const creator = new FilterCreator(this.parts.container);
    return handlerOf(creator.of([...globals.getGlobalFilters(), ...fixed], this.#moduleKey));
  }

  /** Loads the transient enhancers of an object of which there is one: Nest 11 does not. */
  async loadTransient(): Promise<void> {
    const { wrapper } = this.method;
    for (const enhancer of wrapper.getEnhancersMetadata() ?? []) {
      const { host } = enhancer;
      if (enhancer.isTransient) await this.parts.injector.loadInjectable(enhancer, host!, undefined, wrapper);
    }
  }

  /** Nest reads what stands on the function that the class has now. */
  #checkReplaced(ofMethod: EnhancersByKind): void {
    for (const replaced of this.method.functions.slice(1)) {
      const before = enhancersOn(replaced);
      for (const kind of ENHANCER_KINDS) {
        const lost = before[kind].filter((one) => !ofMethod[kind].includes(one));
        if (lost.length === 0) continue;
        const what = describeEnhancers({ ...byKind(() => []), [kind]: lost });
        throw new DeclarationError(
          decoratorOf(this.method),
          this.method.name,
          `a decorator above its ${what} has put another function in the place of the method, and NestJS does not find them ` +
            'there. Move them above that decorator.',
        );
      }
    }
  }

  /** Nest makes enhancers that are given as classes only for a class that a module provides as such. */
  #checkKnown(): void {
    const { injectables } = moduleOf(this.method);
    const isKnown = (kind: EnhancerKind) => (enhancer: object) =>
      !isClass(enhancer) || injectables.has(enhancer) || isStaticEnhancer(kind, enhancer);
    for (const kind of ENHANCER_KINDS) {
      const ofParams = kind === 'pipes' ? this.params.flatMap(({ pipes }) => pipes) : [];
      const unknown = [...this.#declared[kind], ...ofParams].filter((enhancer) => !isKnown(kind)(enhancer));
      if (unknown.length > 0) this.#refuse(kind, unknown);
    }
  }

  #refuse(kind: EnhancerKind, enhancers: readonly object[]): never {
    throw new DeclarationError(
      decoratorOf(this.method),
      this.method.name,
      `NestJS does not make its ${describeEnhancers({ ...byKind(() => []), [kind]: enhancers })}. List its class itself ` +
        'among the providers or controllers of a module, and not a factory or another token; or give them as objects.',
    );
  }
}

/** Those of the method are asked first, the global ones last. */
function handlerOf(filters: FilterList): ExternalExceptionsHandler {
  const handler = new ExternalExceptionsHandler();
  handler.setCustomFilters([...filters].reverse());
  return handler;
}
