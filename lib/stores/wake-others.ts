import { messageOf } from '../errors/thrown.js';
import type { Store, StoreContext } from './store.interface.js';

/**
 * Tells the other processes that something is due. Whether they hear of it or find it with their next poll, the change is
 * made: a wake-up that fails is no failure of the operation that caused it.
 *
 * @param at When it is due, in milliseconds since the epoch.
 */
export function wakeOthers(
  store: Pick<Store, 'wake'>,
  at: number,
  { alias, logger }: Pick<StoreContext, 'alias' | 'logger'>,
): void {
  Promise.resolve()
    .then(() => store.wake(at))
    .catch((error: unknown) => logger.debug(`No wake-up through "${alias}": ${messageOf(error)}`));
}
