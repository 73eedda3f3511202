import { ContextIdFactory } from '@nestjs/core';
import type { ContextId } from '@nestjs/core';
import { REQUEST_CONTEXT_ID } from '@nestjs/core/router/request/request-constants.js';
import type { TaskContext } from '../../executors/task-context.js';
import { blankOf, moduleOf } from './hosted.method.js';
import type { HostedMethod } from './hosted.method.js';
import type { NestParts } from './nest.parts.js';

/**
 * Makes the id under which the container keeps what it makes for a run, in maps that do not hold on to it. `REQUEST` is the
 * context of the run; for a durable tree it is what the strategy of the application says, as for a request of HTTP.
 */
export function openScope(method: HostedMethod, context: TaskContext, { moduleRef }: NestParts): ContextId {
  const contextId = ContextIdFactory.getByRequest(context);
  // So that `ContextIdFactory.getByRequest(context)` in a handler finds what was made for its run.
  Object.defineProperty(context, REQUEST_CONTEXT_ID, { value: contextId });
  const isDurable = contextId.getParent !== undefined && method.wrapper.isDependencyTreeDurable();
  moduleRef.registerRequestByContextId<unknown>(isDurable ? contextId.payload : context, contextId);
  return contextId;
}

/** Makes the object that has the method, with all that it injects and the enhancers of its class. */
export async function loadHost(method: HostedMethod, contextId: ContextId, { injector }: NestParts): Promise<object> {
  const { wrapper } = method;
  const module = moduleOf(method);
  const collection = module.controllers.get(wrapper.token) === wrapper ? module.controllers : module.providers;
  return injector.loadPerContext<object>(blankOf(method), module, collection, contextId, wrapper);
}
