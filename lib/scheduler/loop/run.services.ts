import type { EventDispatcher } from '../../events/event.dispatcher.js';
import type { Lifecycles } from '../../executors/lifecycle.js';
import type { Clock } from '../../model/clock.js';
import type { Logger } from '../../model/logger.js';
import type { Observed } from '../../observe/meter/observation.js';
import type { Store } from '../../stores/store.interface.js';
import type { StoreClock } from '../../time/store.clock.js';
import type { TriggerCache } from '../../triggers/trigger.cache.js';
import type { BackoffRegistry } from './backoff.registry.js';
import type { ExecutorRegistry } from './executor.registry.js';
import type { HandlerRegistry } from './handler.registry.js';
import type { OutputKeeping } from './run.output.js';
import type { StepServices } from './stepped.run.js';

/** What the runs of one store need of their scheduler. */
export interface RunServices extends StepServices {
  /** The alias of the store. */
  readonly alias: string;
  /** The identity of the scheduler. */
  readonly identity: string;
  readonly clock: Clock;
  readonly storeClock: StoreClock;
  /** The ended runs of the store. */
  readonly history: Pick<Store, 'runs'>;
  readonly logger: Logger;
  readonly events: EventDispatcher;
  /** Who looks at the runs: metrics and traces. */
  readonly observed: Observed;
  readonly executors: ExecutorRegistry;
  readonly handlers: HandlerRegistry;
  readonly lifecycles: Lifecycles;
  readonly backoffs: BackoffRegistry;
  readonly triggers: TriggerCache;
  /** How long a handler has to obey its aborted signal before its run is ended without it, in milliseconds. */
  readonly abortGraceMs: number;
  /** How many bytes the steps of all runs of a task may take. */
  readonly maxTaskStepBytes: number;
  /** What is kept of what handlers say. */
  readonly output: OutputKeeping;
}
