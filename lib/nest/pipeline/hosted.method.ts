import type { InstanceWrapper } from '@nestjs/core/injector/instance-wrapper.js';
import type { Module } from '@nestjs/core/injector/module.js';
import type { DecoratedMethod } from '../method.finder.js';
import { SCHEDULED_TASK } from '../scheduled-task.decorator.js';
import { TASK_HANDLER } from '../task-handler.decorator.js';

/** A decorated method with the provider or controller that has it. */
export interface HostedMethod extends DecoratedMethod {
  readonly wrapper: InstanceWrapper;
  readonly prototype: object;
}

/** The decorator that makes a method a handler, for messages. */
export function decoratorOf({ handler }: DecoratedMethod): string {
  return handler ? TASK_HANDLER : SCHEDULED_TASK;
}

/** The function that the class has under the name of the method: Nest looks for enhancers on it. */
export function functionOf({ functions }: DecoratedMethod): (...args: unknown[]) => unknown {
  return functions[0] as (...args: unknown[]) => unknown;
}

/** An object of the class whose constructor never ran: where Nest reads metadata, it asks an object for its class. */
export function blankOf({ prototype }: HostedMethod): object {
  return Object.create(prototype) as object;
}

/** The module that provides the object. */
export function moduleOf({ wrapper }: HostedMethod): Module {
  return wrapper.host!;
}

/** Whether each run gets an object of its own. */
export function isScopedHost({ wrapper }: HostedMethod): boolean {
  return !wrapper.isDependencyTreeStatic() || wrapper.isTransient;
}
