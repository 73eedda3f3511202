import type { ArgumentMetadata, PipeTransform, Type } from '@nestjs/common';
import type { ApplicationConfig } from '@nestjs/core';
import { isObservable, lastValueFrom } from 'rxjs';
import type { Observable } from 'rxjs';
import { isArray, isErrorOf } from '../../errors/foreign.js';
import { InvalidOptionError } from '../../errors/input.errors.js';
import { GuardRejectedError, RunScopeError } from '../../errors/pipeline.errors.js';
import type { TaskContext } from '../../executors/task-context.js';
import { callMethod, placeOfContext } from '../method.handler.js';
import type { EnhancerFactory, Enhancers } from './enhancer.factory.js';
import { nameOfEnhancer } from './enhancers.js';
import { ASYNCZ, contextOf } from './execution.context.js';
import type { AsynczExecutionContext, HostArguments } from './execution.context.js';
import type { AppliedGlobals } from './global.enhancers.js';
import { typesOf } from './handler.params.js';
import type { HandlerParam } from './handler.params.js';
import { functionOf, isScopedHost } from './hosted.method.js';
import type { HostedMethod } from './hosted.method.js';
import type { NestParts } from './nest.parts.js';
import { loadHost, openScope } from './run.scope.js';

/** What a run goes through: the object that has the method, and what is around it. */
interface Made {
  readonly instance: object;
  readonly enhancers: Enhancers;
}

/** Carries runs of one method through NestJS's pipeline: guards, interceptors, pipes, the method, and filters for errors. */
export class RunPipeline {
  readonly #place: number;
  readonly #types: readonly (Type | undefined)[];
  readonly #isHostScoped: boolean;
  /** null when it is made for each run. */
  readonly #fixed: Made | null;
  readonly #fixedGlobals: ApplicationConfig;
  readonly #fixedFilters: Enhancers['filters'];

  /** @throws DeclarationError When an enhancer cannot be made. */
  constructor(
    private readonly method: HostedMethod,
    private readonly params: readonly HandlerParam[],
    private readonly globals: AppliedGlobals,
    private readonly factory: EnhancerFactory,
    private readonly parts: NestParts,
  ) {
    this.#place = placeOfContext(method.prototype, method);
    this.#types = typesOf(method.prototype, method.key);
    this.#isHostScoped = isScopedHost(method);
    this.#fixedGlobals = globals.fixed();
    this.#fixed =
      this.#isHostScoped || globals.isScoped
        ? null
        : { instance: method.wrapper.instance as object, enhancers: factory.make(this.#fixedGlobals) };
    this.#fixedFilters = this.#fixed?.enhancers.filters ?? factory.makeFixedFilters(this.#fixedGlobals);
  }

  /** Calls the handler with all that is around it. Rejects with what the run is to fail with. */
  async run(args: readonly unknown[], task: TaskContext): Promise<unknown> {
    const hostArgs: HostArguments = [[...args], task];
    const host = contextOf(hostArgs, this.method.prototype.constructor as Type, functionOf(this.method));
    let filters = this.#fixedFilters;
    try {
      const made = this.#fixed ?? (await this.#make(task));
      ({ filters } = made.enhancers);
      await this.#passGuards(made, hostArgs, task);
      return await this.#intercept(made, hostArgs, host);
    } catch (error) {
      throw await errorOf(error, filters, host);
    }
  }

  async #make(task: TaskContext): Promise<Made> {
    try {
      const contextId = openScope(this.method, task, this.parts);
      const instance = this.#isHostScoped
        ? await loadHost(this.method, contextId, this.parts)
        : (this.method.wrapper.instance as object);
      const globals = this.globals.isScoped ? await this.globals.ofRun(contextId) : this.#fixedGlobals;
      return { instance, enhancers: this.factory.make(globals, this.#isHostScoped ? contextId : undefined) };
    } catch (error) {
      throw new RunScopeError(task.runId, this.method.name, error);
    }
  }

  async #passGuards({ instance, enhancers }: Made, args: HostArguments, task: TaskContext): Promise<void> {
    const callback = functionOf(this.method);
    for (const guard of enhancers.guards) {
      if (await this.parts.guards.tryActivate([guard], args, instance, callback, ASYNCZ)) continue;
      throw new GuardRejectedError(task.runId, nameOfEnhancer(guard), this.method.name);
    }
  }

  /** Calls the handler with the interceptors around it. The run is not over before the handler is, whoever gave it up. */
  async #intercept(made: Made, args: HostArguments, host: AsynczExecutionContext): Promise<unknown> {
    const { instance, enhancers } = made;
    if (enhancers.interceptors.length === 0) return resultOf(await this.#call(made, host));
    const underWay = new Set<Promise<unknown>>();
    const call = async () => {
      const called = this.#call(made, host);
      underWay.add(called);
      try {
        return await called;
      } finally {
        underWay.delete(called);
      }
    };
    const callback = functionOf(this.method);
    const { interceptors } = this.parts;
    try {
      return await resultOf(
        await interceptors.intercept(enhancers.interceptors, args, instance, callback, call, ASYNCZ),
      );
    } finally {
      await Promise.allSettled(underWay);
    }
  }

  async #call({ instance, enhancers }: Made, host: AsynczExecutionContext): Promise<unknown> {
    const [given, task] = host.getArgs<[unknown, TaskContext]>();
    refuseOdd(given);
    const args = this.params.length > 0 ? await this.#named(enhancers, host) : await this.#inOrder(enhancers, host);
    // The run may be over by now, and be under way elsewhere.
    task.signal.throwIfAborted();
    return callMethod(instance, this.method, args, task);
  }

  /** What the parameters say. */
  async #named({ pipes, ofParams }: Enhancers, host: AsynczExecutionContext): Promise<unknown[]> {
    const values: unknown[] = Array(Math.max(...this.params.map(({ index }) => index)) + 1).fill(undefined);
    await Promise.all(
      this.params.map(async (param, at) => {
        const { index, metadata, isPiped } = param;
        const value = await param.valueOf(host);
        values[index] = isPiped ? await this.#pipe(value, metadata, [...pipes, ...ofParams[at]!]) : value;
      }),
    );
    return values;
  }

  /** The arguments one after the other, as a method without parameter decorators gets them, and the context at its place. */
  async #inOrder({ pipes }: Enhancers, host: AsynczExecutionContext): Promise<unknown[]> {
    const args = host.getTaskArgs();
    const values: unknown[] = [...args, ...Array<undefined>(Math.max(0, this.#place - args.length))];
    if (pipes.length > 0) {
      const metadata = (index: number): ArgumentMetadata => ({ type: 'body', metatype: this.#types[index] });
      const piped = values.map(async (value, index) => this.#pipe(value, metadata(index), pipes));
      for (const [index, value] of (await Promise.all(piped)).entries()) values[index] = value;
    }
    return [...values, host.getTaskContext()];
  }

  async #pipe(value: unknown, metadata: ArgumentMetadata, pipes: PipeTransform[]): Promise<unknown> {
    return pipes.length === 0 ? value : this.parts.pipes.applyPipes(value, metadata, pipes);
  }
}

/** How many arguments a method may be called with: those of a call stand on the stack. */
const MAX_ARGS = 100_000;

/**
 * Enhancers may change the arguments, and a list may be longer than anything that is in it: one of 4,294,967,295 holes takes no memory
 * until it is copied for the call.
 *
 * @throws InvalidOptionError
 */
function refuseOdd(args: unknown): void {
  const length = isArray(args) ? args.length : undefined;
  if (length !== undefined && length <= MAX_ARGS) return;
  const value = length === undefined ? args : `a list of ${length}`;
  throw new InvalidOptionError(
    'getTaskArgs()',
    value,
    `what enhancers leave as a list of at most ${MAX_ARGS} arguments`,
  );
}

/** An interceptor that ends its Observable without a value has ended the run without a result. */
async function resultOf(result: unknown): Promise<unknown> {
  return isObservable(result) ? lastValueFrom(result as Observable<unknown>, { defaultValue: undefined }) : result;
}

/**
 * What a run fails with: what a filter throws, or an error that it gives; otherwise what was thrown before. Whatever else a filter
 * gives, the run has failed, so that a filter that only tells of errors hides none.
 */
async function errorOf(thrown: unknown, filters: Enhancers['filters'], host: AsynczExecutionContext): Promise<unknown> {
  try {
    const given = await resultOf(await filters.invokeCustomFilters(thrown, host));
    return isErrorOf(given, Error) ? given : thrown;
  } catch (error) {
    return withCause(error, thrown);
  }
}

/** A filter that knows another transport fails itself: what it was to tell of must not be lost with that. */
function withCause(error: unknown, cause: unknown): unknown {
  if (error === cause || !isErrorOf(error, Error)) return error;
  try {
    if (!('cause' in error))
      Object.defineProperty(error, 'cause', { value: cause, configurable: true, writable: true });
  } catch {
    // It is frozen, or a proxy that does not take it.
  }
  return error;
}
