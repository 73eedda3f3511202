import type { Logger } from '@nestjs/common';
import { DeclarationError } from '../../errors/declaration.error.js';
import { isGenerator } from '../../executors/generator.js';
import type { Handler } from '../../scheduler/loop/handler.registry.js';
import { createHandler } from '../method.handler.js';
import { EnhancerFactory } from './enhancer.factory.js';
import { describeEnhancers, enhancersOn, hasEnhancers } from './enhancers.js';
import { allGlobals, AppliedGlobals, globalKinds } from './global.enhancers.js';
import type { GlobalEnhancers } from './global.enhancers.js';
import { readParams } from './handler.params.js';
import { decoratorOf, isScopedHost } from './hosted.method.js';
import type { HostedMethod } from './hosted.method.js';
import type { NestParts } from './nest.parts.js';
import { RunPipeline } from './run.pipeline.js';

/** Makes handlers of the methods of one scheduler: with NestJS's pipeline around those that need it. */
export class PipelineFactory {
  readonly #globals: AppliedGlobals;

  /** @throws InvalidOptionError */
  constructor(
    private readonly parts: NestParts,
    private readonly option: GlobalEnhancers | undefined,
  ) {
    this.#globals = new AppliedGlobals(parts.config, parts.injector, globalKinds(option));
  }

  /** @throws DeclarationError When an enhancer cannot be made, a parameter would get nothing, or a generator has no object that stays. */
  async createHandler(method: HostedMethod): Promise<Handler> {
    const { prototype, wrapper } = method;
    if (isScopedHost(method) && method.functions.some(isGenerator)) {
      throw new DeclarationError(
        decoratorOf(method),
        method.name,
        'it is a generator, which goes on from run to run, and each run has an object of its own: the class, or something that it ' +
          'injects, is request-scoped or transient. Make it a singleton, or move the method to one.',
      );
    }
    const params = readParams(decoratorOf(method), prototype, method);
    const isPlain =
      params.length === 0 &&
      this.#globals.isEmpty &&
      !isScopedHost(method) &&
      ![prototype.constructor, ...method.functions].some((target) => hasEnhancers(enhancersOn(target)));
    if (isPlain) return createHandler(wrapper.instance as object, prototype, method);
    const factory = new EnhancerFactory(method, params, this.parts);
    if (!isScopedHost(method)) await factory.loadTransient();
    const pipeline = new RunPipeline(method, params, this.#globals, factory, this.parts);
    return async (args, context) => pipeline.run(args, context);
  }

  /** Names the global enhancers that runs go without, unless the application has said that they may: a guard above all. */
  warnOfGlobals(logger: Pick<Logger, 'warn'>): void {
    if (this.option !== undefined) return;
    const globals = allGlobals(this.parts.config);
    if (!hasEnhancers(globals)) return;
    logger.warn(
      `Runs of tasks go without the global ${describeEnhancers(globals)}. Set "globalEnhancers" of ` +
        'AsynczModule.forRoot: true applies them to runs, a list such as ["guards"] applies some, false leaves them out ' +
        'without this warning.',
    );
  }
}
