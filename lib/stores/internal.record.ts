import { initialState } from '../model/task.defaults.js';
import { DEFAULT_POLICIES } from '../model/task.policies.js';
import { INTERNAL_HANDLER } from '../model/definition.js';
import type { TaskRecord } from '../model/task.js';

/**
 * A record that schedulers keep among the tasks for themselves: never due, and left out of queries. Because it is a task
 * like any other to the store, it is changed with the same care.
 *
 * @param id Begins with `INTERNAL_PREFIX`.
 * @param name What it is, for people who read the store.
 */
export function internalRecord(id: string, name: string, args: readonly unknown[], now: number): TaskRecord {
  return {
    id,
    version: 1,
    definition: {
      id,
      name,
      handler: INTERNAL_HANDLER,
      args,
      trigger: { type: 'startup' },
      executor: 'default',
      origin: 'internal',
      tags: [],
      policies: DEFAULT_POLICIES,
      declared: null,
    },
    state: initialState(now),
  };
}
