import type { ModulesContainer } from '@nestjs/core';
import { MissingDependencyError } from '../errors/dependency.error.js';
import { takePromise } from '../errors/returned.js';
import type { SchedulerEvent } from '../events/event.map.js';
import type { Logger } from '../model/logger.js';
import type { Scheduler } from '../scheduler/scheduler.js';

/** What the name of an event begins with in the emitter of the application, which has events of others, too. */
const PREFIX = 'asyncz.';

/** What is used of an `EventEmitter2`. */
interface Emitter {
  emitAsync(name: string, event: SchedulerEvent): unknown;
}

/**
 * Emits every event of a scheduler through the emitter of `@nestjs/event-emitter`, as `asyncz.run.failed`. Its listeners are its
 * own business: none is waited for.
 *
 * @throws MissingDependencyError When the application has no such emitter.
 */
export function bridgeEvents(scheduler: Scheduler, container: ModulesContainer, logger: Logger): void {
  const emitter = findEmitter(container);
  if (!emitter) {
    throw new MissingDependencyError(
      'The option "eventEmitter" of AsynczModule',
      'a provider EventEmitter2',
      'Install @nestjs/event-emitter, and import EventEmitterModule.forRoot() in a module of the application.',
    );
  }
  const forward = (event: SchedulerEvent): void => {
    const name = PREFIX + event.name;
    // One that rejects would end the process.
    takePromise(emitter.emitAsync(name, event), (error) => logger.error(`A listener of "${name}" failed`, error));
  };
  scheduler.addListener(forward);
}

/**
 * By what it is: the package is not loaded here, and it may be installed twice. The class that is exported as `EventEmitter2` calls
 * itself `EventEmitter`; one that extends it is an emitter of somebody's own.
 */
function findEmitter(container: ModulesContainer): Emitter | null {
  for (const { providers } of container.values()) {
    for (const [token, { instance }] of providers) {
      if (typeof token !== 'function' || !['EventEmitter', 'EventEmitter2'].includes(token.name)) continue;
      if (typeof (instance as Partial<Emitter> | null)?.emitAsync === 'function') return instance as Emitter;
    }
  }
  return null;
}
