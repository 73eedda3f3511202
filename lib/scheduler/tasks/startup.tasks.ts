import { randomBytes } from 'node:crypto';
import type { Logger } from '../../model/logger.js';
import { startTaskPages } from '../../stores/start-task.pages.js';
import type { Store } from '../../stores/store.interface.js';
import type { ClaimLoop } from '../loop/claim.loop.js';
import type { HandlerRegistry } from '../loop/handler.registry.js';
import { cancelUnstarted, runAtStartup } from '../plan/startup.plan.js';
import type { StoreHandle } from './store.handle.js';

const PAGE = 1_000;

/** How many tasks are tried again when there may be room, so that each run that ends does not cost a look at all of them. */
const TRIED_AT_ONCE = 100;

interface StartupServices {
  readonly handlers: Pick<HandlerRegistry, 'has'>;
  readonly logger: Logger;
}

/**
 * Runs the tasks of a store whose trigger is the start of a scheduler, as far as their handlers are here, before the loop
 * begins to claim. Those that there is no room for now wait in the store for their turn, as other due tasks do.
 */
export async function runStartupTasks(handle: StoreHandle, services: StartupServices): Promise<void> {
  await quietly(handle, 'startup', services, async (loop) => {
    const suffix = newSuffix();
    for (const ids of await tasksOf(handle.store, 'startup', services)) {
      await loop.startNow(ids, (claim) => runAtStartup('startup', suffix, claim));
    }
  });
}

/**
 * Runs the tasks of a store whose trigger is the stop of a scheduler, as far as their handlers are here, after the loop has
 * stopped claiming. Resolves when all of them have started, or the time is up.
 *
 * @param isOver Whether the time of the shutdown is up: what has not started by then is recorded as cancelled.
 */
export async function runShutdownTasks(
  handle: StoreHandle,
  services: StartupServices,
  isOver: () => boolean,
): Promise<void> {
  await quietly(handle, 'shutdown', services, async (loop) => {
    const suffix = newSuffix();
    const startNow: ClaimLoop['startNow'] = async (ids, planOf) => {
      const waiting = await loop.startNow(ids, planOf);
      // Others were aborted when the time was up. These have started since.
      if (isOver()) loop.execution.abortAll();
      return waiting;
    };
    for (const ids of await tasksOf(handle.store, 'shutdown', services)) {
      let waiting = await startNow(ids, (claim) => runAtStartup('shutdown', suffix, isOver() ? () => null : claim));
      while (waiting.length > 0 && !isOver()) {
        await loop.roomMayBeThere();
        if (isOver()) break;
        const still = await startNow(waiting.slice(0, TRIED_AT_ONCE), (claim) => claim);
        waiting = [...waiting.slice(TRIED_AT_ONCE), ...still];
      }
      await loop.startNow(ids, () => cancelUnstarted(suffix));
    }
    // Gives up the leases of groups that were held for what has not started.
    await loop.stopClaiming();
  });
}

function newSuffix(): string {
  return randomBytes(4).toString('hex');
}

/**
 * The ids of the tasks with that trigger whose handlers are here, in pages. All are found before any is run: what a run adds is
 * for the next start.
 */
async function tasksOf(
  store: Store,
  trigger: 'startup' | 'shutdown',
  { handlers }: StartupServices,
): Promise<readonly (readonly string[])[]> {
  const pages: string[][] = [];
  for await (const tasks of startTaskPages(store, trigger, PAGE)) {
    const ids = tasks.filter(({ definition }) => handlers.has(definition.handler)).map(({ id }) => id);
    if (ids.length > 0) pages.push(ids);
  }
  return pages;
}

/** A scheduler starts and stops whatever becomes of these tasks. */
async function quietly(
  handle: StoreHandle,
  source: 'startup' | 'shutdown',
  { logger }: StartupServices,
  work: (loop: ClaimLoop) => Promise<void>,
): Promise<void> {
  if (!handle.loop) return;
  try {
    await work(handle.loop);
  } catch (error) {
    logger.error(`The ${source} tasks of store "${handle.alias}" could not be run`, error);
  }
}
