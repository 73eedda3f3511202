import { ReadOnlyError } from '../errors/scheduler.errors.js';
import type { Store } from './store.interface.js';

/** Whether a method of a store reads or writes; the compiler asks for each. */
const METHODS: Readonly<Record<Exclude<keyof Store, 'capabilities' | 'address'>, 'reads' | 'writes'>> = {
  start: 'reads',
  shutdown: 'reads',
  now: 'reads',
  lookupTask: 'reads',
  getAllTasks: 'reads',
  getDueTasks: 'reads',
  getNextRunTime: 'reads',
  nextDueFor: 'reads',
  countDue: 'reads',
  query: 'reads',
  startTasks: 'reads',
  runs: 'reads',
  journal: 'reads',
  schedulers: 'reads',
  inspect: 'reads',
  onWake: 'reads',
  addTask: 'writes',
  addTasks: 'writes',
  updateTask: 'writes',
  deleteTask: 'writes',
  removeAllTasks: 'writes',
  transact: 'writes',
  exchange: 'writes',
  transaction: 'writes',
  saveRuns: 'writes',
  pruneRuns: 'writes',
  appendJournal: 'writes',
  pruneJournal: 'writes',
  heartbeat: 'writes',
  retire: 'writes',
  wake: 'writes',
};

/**
 * The store with every method that writes refused: whatever an operation does, nothing in it is changed.
 *
 * @returns A view of the store; its class's own methods are there too.
 */
export function readOnlyStore(store: Store): Store {
  const methods = new Map<PropertyKey, unknown>();
  return new Proxy(store, {
    get: (target, property) => {
      const value: unknown = Reflect.get(target, property, target);
      if (typeof value !== 'function') return value;
      // Bound, since private fields are not those of the view; and the same function each time.
      const made = methods.get(property) ?? view(target, property, value);
      methods.set(property, made);
      return made;
    },
  });
}

function view(store: Store, property: PropertyKey, method: Function): unknown {
  if (METHODS[property as keyof typeof METHODS] !== 'writes') return method.bind(store);
  return async () => {
    throw new ReadOnlyError(String(property));
  };
}
