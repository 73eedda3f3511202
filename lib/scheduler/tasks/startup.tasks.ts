import { randomBytes } from 'node:crypto';
import { isUnreadable } from '../../model/task.js';
import type { Logger } from '../../model/logger.js';
import type { Store } from '../../stores/store.interface.js';
import type { HandlerRegistry } from '../loop/handler.registry.js';
import { cancelUnstarted, runAtStartup } from '../plan/startup.plan.js';
import type { StoreHandle } from './store.handle.js';

const PAGE = 1_000;

interface StartupServices {
  readonly handlers: Pick<HandlerRegistry, 'has'>;
  readonly logger: Logger;
}

/**
 * Runs the tasks of a store whose trigger is the start of a scheduler, as far as their handlers are here, before the loop
 * begins to claim. Those that there is no room for now wait in the store for their turn, as other due tasks do.
 */
export async function runStartupTasks(handle: StoreHandle, services: StartupServices): Promise<void> {
  await quietly(handle, 'startup', services, async () => {
    const { worker, store } = handle;
    const suffix = newSuffix();
    for await (const ids of tasksOf(store, 'startup', services)) {
      await worker!.startNow(ids, (claim) => runAtStartup('startup', suffix, claim));
    }
  });
}

/**
 * Runs the tasks of a store whose trigger is the stop of a scheduler, as far as their handlers are here, after the loop has
 * stopped claiming. Resolves when all of them have started.
 *
 * @param isOver Whether the time of the shutdown is up: what has not started by then is not started.
 */
export async function runShutdownTasks(
  handle: StoreHandle,
  services: StartupServices,
  isOver: () => boolean,
): Promise<void> {
  await quietly(handle, 'shutdown', services, async () => {
    const worker = handle.worker!;
    const suffix = newSuffix();
    for await (const ids of tasksOf(handle.store, 'shutdown', services)) {
      let waiting = await worker.startNow(ids, (claim) => runAtStartup('shutdown', suffix, claim));
      while (waiting.length > 0 && !isOver()) {
        await worker.roomMayBeThere();
        waiting = await worker.startNow(
          waiting.map(({ id }) => id),
          (claim) => claim,
        );
      }
      if (waiting.length > 0) {
        await handle.store.transact({ ids: waiting.map(({ id }) => id) }, cancelUnstarted(suffix));
      }
    }
  });
}

function newSuffix(): string {
  return randomBytes(4).toString('hex');
}

/** The ids of the tasks with that trigger whose handlers are here, page by page. */
async function* tasksOf(
  store: Store,
  trigger: 'startup' | 'shutdown',
  { handlers }: StartupServices,
): AsyncIterable<readonly string[]> {
  for (let offset = 0; ; offset += PAGE) {
    const { tasks } = await store.query({ trigger }, { by: 'id', descending: false }, { offset, limit: PAGE });
    const ids = tasks.flatMap((task) =>
      !isUnreadable(task) && handlers.has(task.definition.handler) ? [task.id] : [],
    );
    if (ids.length > 0) yield ids;
    if (tasks.length < PAGE) return;
  }
}

/** A scheduler starts and stops whatever becomes of these tasks. */
async function quietly(
  handle: StoreHandle,
  source: 'startup' | 'shutdown',
  { logger }: StartupServices,
  work: () => Promise<void>,
): Promise<void> {
  if (!handle.worker) return;
  try {
    await work();
  } catch (error) {
    logger.error(`The ${source} tasks of store "${handle.alias}" could not be run`, error);
  }
}
