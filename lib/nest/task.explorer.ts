import { Injectable, Logger } from '@nestjs/common';
import type { OnModuleDestroy } from '@nestjs/common';
import { DiscoveryService, ModuleRef, ModulesContainer } from '@nestjs/core';
import type { InstanceWrapper } from '@nestjs/core/injector/instance-wrapper.js';
import { DuplicateNameError } from '../errors/scheduler.errors.js';
import type { DeclaredTask } from '../scheduler/tasks/declared.tasks.js';
import type { Scheduler } from '../scheduler/scheduler.js';
import { resolveDeclaration } from './declaration.resolver.js';
import { handlerOptionsOf } from './handler.options.js';
import { addListeners } from './event.listeners.js';
import { LostMethods } from './lost.methods.js';
import { findDecorated } from './method.finder.js';
import type { DecoratedMethod, DecoratedMethods } from './method.finder.js';
import { declarationError } from './method.marks.js';
import type { AsynczRuntimeOptions } from './module.options.js';
import { NestParts } from './pipeline/nest.parts.js';
import { PipelineFactory } from './pipeline/pipeline.factory.js';
import { SCHEDULED_TASK } from './scheduled-task.decorator.js';
import type { ScheduledTaskOptions } from './scheduled-task.decorator.js';
import { DEFAULT_SCHEDULER, schedulersOf } from './tokens.js';

/** A provider or controller. */
interface Found {
  readonly wrapper: InstanceWrapper;
  readonly prototype: object;
  readonly className: string;
}

interface FoundClass extends Found, DecoratedMethods {}

/** A decorated method of a provider or controller. */
interface FoundMethod extends Found, DecoratedMethod {}

/**
 * Finds the decorated methods of all providers and controllers, makes handlers of them, and says which tasks they
 * declare. Its warnings, with those of {@link LostMethods}, are the list of reasons why a method is not scheduled.
 */
@Injectable()
export class TaskExplorer implements OnModuleDestroy {
  private readonly logger = new Logger('Asyncz');
  private readonly lost = new LostMethods(this.logger);

  constructor(
    private readonly discovery: DiscoveryService,
    private readonly moduleRef: ModuleRef,
    private readonly container: ModulesContainer,
  ) {}

  /**
   * Registers the handlers of one scheduler, and the methods that listen to it.
   *
   * @param options Of the scheduler: which global enhancers apply to its runs, and whether it has any.
   * @returns The tasks that are declared for it.
   * @throws DuplicateNameError When two methods have one name, or two tasks one id.
   * @throws DeclarationError When the options of a declaration cannot be read, or something around its method cannot be made.
   */
  async explore(
    scheduler: Pick<Scheduler, 'name' | 'registerHandler' | 'addListener'>,
    { globalEnhancers, role }: Pick<AsynczRuntimeOptions, 'globalEnhancers' | 'role'>,
  ): Promise<DeclaredTask[]> {
    const pipelines = new PipelineFactory(new NestParts(this.moduleRef), globalEnhancers);
    const schedulers = schedulersOf(this.container);
    // A task that names no scheduler is for the default one, or for the only one that there is.
    const unnamed = schedulers.length > 1 ? DEFAULT_SCHEDULER : scheduler.name;
    const declared = new Map<string, DeclaredTask>();
    const declaredBy = new Map<string, string>();
    const classes = [...this.#classes()];
    let hasHandlers = false;
    for (const found of decoratedMethods(classes)) {
      addListeners(scheduler, found, this.logger);
      const { handler, name } = found;
      const isHandler = handler !== null && (handler.scheduler ?? scheduler.name) === scheduler.name;
      const tasks = found.tasks.filter((task) => (task.scheduler ?? unnamed) === scheduler.name);
      if (!isHandler && tasks.length === 0) continue;
      // The method of a declared task is a handler too, under its own name, so that several tasks can share it.
      const names = [...(isHandler ? [handler.name ?? name] : []), ...(tasks.length > 0 ? [name] : [])];
      hasHandlers = true;
      const call = await pipelines.createHandler(found);
      for (const one of new Set(names)) scheduler.registerHandler(one, call, handlerOptionsOf(found));
      for (const task of tasks) {
        const declaration = await this.#resolve(task, name);
        const { id } = declaration;
        const other = declaredBy.get(id);
        if (other !== undefined) {
          throw new DuplicateNameError(
            'scheduled task',
            id,
            `${name} and ${other === name ? 'another object of its class' : other} declare it. Give each an "id" of its ` +
              'own; a class that several modules provide declares its tasks once for each.',
          );
        }
        declared.set(id, declaration);
        declaredBy.set(id, name);
      }
    }
    if (hasHandlers && (role ?? 'worker') === 'worker') pipelines.warnOfGlobals(this.logger);
    // Of several schedulers one says what none of them has.
    if (schedulers[0] === scheduler.name) this.lost.watch(classes);
    return [...declared.values()];
  }

  onModuleDestroy(): void {
    this.lost.unwatch();
  }

  async #resolve(options: ScheduledTaskOptions, name: string): Promise<DeclaredTask> {
    try {
      return await resolveDeclaration(options, name, this.moduleRef);
    } catch (error) {
      throw declarationError(SCHEDULED_TASK, name, error, options.id ?? name);
    }
  }

  *#classes(): Iterable<FoundClass> {
    for (const wrapper of [...this.discovery.getProviders(), ...this.discovery.getControllers()]) {
      // A `useExisting` provider is the same object under another token: its methods are found there.
      if (wrapper.isAlias) continue;
      const prototype = prototypeOf(wrapper);
      if (!prototype) continue;
      const className = (wrapper.instance ?? wrapper.metatype?.prototype)?.constructor?.name as string;
      yield { wrapper, prototype, className, ...findDecorated(prototype, className) };
    }
  }
}

function* decoratedMethods(classes: readonly FoundClass[]): Iterable<FoundMethod> {
  for (const { wrapper, prototype, className, found } of classes) {
    for (const method of found) yield { ...method, wrapper, prototype, className };
  }
}

/** Instances can be anything that a factory returns; of some scopes there is none, only a class. */
function prototypeOf(wrapper: InstanceWrapper): object | null {
  const instance: unknown = wrapper.instance;
  if (instance !== null && typeof instance === 'object') return Object.getPrototypeOf(instance) as object | null;
  const metatype = wrapper.metatype as { prototype?: unknown } | null;
  return typeof metatype === 'function' && metatype.prototype ? (metatype.prototype as object) : null;
}
