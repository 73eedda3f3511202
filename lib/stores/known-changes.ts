import type { KnownChange } from '../model/change.js';
import type { Store, Written } from './store.interface.js';

/** Writes known changes through `transact`, which reads each task and compares: see `Store.writeKnown`. */
export async function writeThroughTransact(
  store: Pick<Store, 'transact'>,
  changes: readonly KnownChange[],
): Promise<Written> {
  const rest = new Map(changes.map((change) => [change.from.id, change]));
  const { committed, failed } = await store.transact<null>({ ids: [...rest.keys()] }, (task) => {
    const { from, task: next, history = [] } = rest.get(task.id)!;
    if (task.version !== from.version || task.state.lastToken !== from.state.lastToken) return null;
    // The definition that was read tells `transact` that it need not be written.
    const isSame = next?.definition === from.definition;
    return { task: next && isSame ? { ...next, definition: task.definition } : next, history, value: null };
  });
  for (const { id } of [...committed, ...failed]) rest.delete(id);
  return { lost: [...rest.keys()], failed };
}
