import { Injectable, Logger } from '@nestjs/common';
import { DiscoveryService, MetadataScanner, ModuleRef, ModulesContainer } from '@nestjs/core';
import type { InstanceWrapper } from '@nestjs/core/injector/instance-wrapper.js';
import { DuplicateNameError } from '../errors/scheduler.errors.js';
import type { TaskContext } from '../executors/task-context.js';
import type { DeclaredTask } from '../scheduler/tasks/task.reconciler.js';
import type { Scheduler } from '../scheduler/scheduler.js';
import { resolveDeclaration } from './declaration.resolver.js';
import type { ScheduledTaskMetadata } from './scheduled-task.decorator.js';
import type { TaskHandlerMetadata } from './task-handler.decorator.js';
import { DEFAULT_SCHEDULER, SCHEDULED_TASK_METADATA, schedulersOf, TASK_HANDLER_METADATA } from './tokens.js';

interface DecoratedMethod {
  readonly instance: Record<string, (...args: unknown[]) => unknown>;
  readonly method: string;
  /** The class and the method: the name of what is given none. */
  readonly defaultName: string;
  readonly tasks: ScheduledTaskMetadata;
  readonly handler: TaskHandlerMetadata | null;
}

/**
 * Finds the decorated methods of all providers and controllers, makes handlers of them, and says which tasks they
 * declare. Its warnings are the list of reasons why a method is not scheduled.
 */
@Injectable()
export class TaskExplorer {
  private readonly logger = new Logger('Asyncz');

  constructor(
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
    private readonly moduleRef: ModuleRef,
    private readonly container: ModulesContainer,
  ) {}

  /**
   * Registers the handlers of one scheduler.
   *
   * @returns The tasks that are declared for it.
   * @throws DuplicateNameError When two methods have one name, or two tasks one id.
   */
  async explore(scheduler: Scheduler): Promise<DeclaredTask[]> {
    const schedulers = schedulersOf(this.container);
    // A task that names no scheduler is for the default one, or for the only one that there is.
    const unnamed = schedulers.length === 1 ? schedulers[0]! : DEFAULT_SCHEDULER;
    const declared = new Map<string, DeclaredTask>();
    for (const found of this.#decoratedMethods()) {
      const { handler } = found;
      if (handler && (handler.scheduler === null || handler.scheduler === scheduler.name)) {
        this.#register(scheduler, handler.name ?? found.defaultName, found);
      }
      const tasks = found.tasks.filter((task) => (task.scheduler ?? unnamed) === scheduler.name);
      if (tasks.length === 0) continue;
      // The method of a declared task is a handler too, under its own name, so that several tasks can share it.
      if (!handler || (handler.name !== null && handler.name !== found.defaultName) || handler.scheduler !== null) {
        this.#register(scheduler, found.defaultName, found);
      }
      for (const task of tasks) {
        const declaration = await resolveDeclaration(task, found.defaultName, this.moduleRef);
        if (!declaration) continue;
        if (declared.has(declaration.id)) {
          throw new DuplicateNameError(
            'scheduled task',
            declaration.id,
            `${found.defaultName} and another method declare it. Give each an "id" of its own; a class that several modules provide declares its tasks once for each.`,
          );
        }
        declared.set(declaration.id, declaration);
      }
    }
    return [...declared.values()];
  }

  #register(scheduler: Scheduler, name: string, { instance, method, handler }: DecoratedMethod): void {
    scheduler.registerHandler(
      name,
      (args: readonly unknown[], context: TaskContext) => instance[method]!(...args, context),
      handler?.policy,
    );
  }

  *#decoratedMethods(): Iterable<DecoratedMethod> {
    for (const wrapper of [...this.discovery.getProviders(), ...this.discovery.getControllers()]) {
      // A `useExisting` provider is the same object under another token: its methods are found there.
      if (wrapper.isAlias) continue;
      const prototype = prototypeOf(wrapper);
      if (!prototype) continue;
      for (const method of this.scanner.getAllMethodNames(prototype)) {
        const target = prototype[method];
        if (typeof target !== 'function') continue;
        const tasks = (Reflect.getMetadata(SCHEDULED_TASK_METADATA, target) ?? []) as ScheduledTaskMetadata;
        const handler = (Reflect.getMetadata(TASK_HANDLER_METADATA, target) ?? null) as TaskHandlerMetadata | null;
        if (tasks.length === 0 && !handler) continue;
        const className = (wrapper.instance ?? wrapper.metatype?.prototype)?.constructor?.name as string;
        const defaultName = `${className}.${method}`;
        if (!wrapper.isDependencyTreeStatic() || wrapper.isTransient) {
          this.logger.warn(
            `${defaultName} is not scheduled: ${className} or something that it injects is request-scoped or transient, ` +
              'and a scheduled run has no request. Make it a singleton, or move the method to one.',
          );
          continue;
        }
        yield { instance: wrapper.instance as DecoratedMethod['instance'], method, defaultName, tasks, handler };
      }
    }
  }
}

/** Instances can be anything that a factory returns; of some scopes there is none, only a class. */
function prototypeOf(wrapper: InstanceWrapper): Record<string, unknown> | null {
  const instance: unknown = wrapper.instance;
  if (instance !== null && typeof instance === 'object') return Object.getPrototypeOf(instance) as never;
  const metatype = wrapper.metatype as { prototype?: unknown } | null;
  return typeof metatype === 'function' && metatype.prototype ? (metatype.prototype as never) : null;
}
