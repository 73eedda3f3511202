import { namesOf } from '../../model/names.js';
import type { StoredTaskFilter, TaskStateName } from '../../model/query.js';
import type { StoreHandle } from './store.handle.js';
import type { StoreRegistry } from './store.registry.js';

/**
 * Which tasks are meant. All given conditions hold together.
 *
 * @publicApi
 */
export interface TaskFilter {
  /** The alias of one store; all when left out. */
  readonly store?: string;
  readonly state?: TaskStateName;
  readonly executor?: string;
  /** The type of the trigger: `cron`, `interval`, … */
  readonly trigger?: string;
  readonly handler?: string;
  readonly tag?: string;
  /** Text to find in id, name, handler, trigger type or executor; upper and lower case are the same. */
  readonly q?: string;
}

/** The names of {@link TaskFilter}. */
export const FILTER_OPTIONS = namesOf<keyof TaskFilter>({
  store: 0,
  state: 0,
  executor: 0,
  trigger: 0,
  handler: 0,
  tag: 0,
  q: 0,
});

/** What a filter asks of one store. */
interface Filtered {
  readonly handle: StoreHandle;
  readonly conditions: StoredTaskFilter;
}

/**
 * The stores that may have tasks which meet a filter, each with what it is asked for. A generator, since a store may be started
 * while those before it are asked.
 *
 * @throws UnknownNameError (store)
 */
export function* filteredStores(
  stores: StoreRegistry,
  { store, state, ...rest }: TaskFilter,
): Generator<Filtered, void, undefined> {
  for (const handle of stores.select(store)) {
    // A task that waits for the start is pending, whether or not it is paused.
    if (state !== undefined && (state === 'pending') !== handle.pending) continue;
    yield { handle, conditions: handle.pending || state === undefined ? rest : { ...rest, state } };
  }
}
