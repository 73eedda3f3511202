import type { KnownChange } from '../../../model/change.js';
import type { TaskCodec } from '../../../persistence/codec.interface.js';
import { exchangeThroughTransact } from '../../exchange.js';
import type { Written } from '../../exchange.interface.js';
import { historyKey } from '../../run-history.js';
import type { Store } from '../../store.interface.js';
import type { KnownRow } from '../dialects/known.row.js';

/**
 * Writes changes of definitions, which are rare, through `transact`.
 *
 * @returns What became of these, and the other changes.
 */
export async function writeDefinitions(
  store: Pick<Store, 'transact'>,
  changes: readonly KnownChange[],
): Promise<Written & { readonly states: readonly KnownChange[] }> {
  const states: KnownChange[] = [];
  const others: KnownChange[] = [];
  for (const change of changes) {
    const { task, from } = change;
    (task === null || task.definition === from.definition ? states : others).push(change);
  }
  return { ...(await exchangeThroughTransact(store, { write: others })).written, states };
}

/** Changes as rows, in one order, so that two that write the same tasks wait for each other and not both. */
export function knownRows(codec: TaskCodec, changes: readonly KnownChange[]): readonly KnownRow[] {
  return changes.map((change) => knownRow(codec, change)).sort((a, b) => (a.from.id < b.from.id ? -1 : 1));
}

function knownRow(codec: TaskCodec, { from, task, history = [] }: KnownChange): KnownRow {
  return {
    from,
    state: task && codec.encodeState({ ...task, version: from.version + 1 }),
    // One statement cannot write a row twice: the last of the same key counts.
    runs:
      history.length < 2
        ? history.map((run) => codec.encodeRun(run))
        : [...new Map(history.map((run) => [historyKey(run), codec.encodeRun(run)])).values()],
  };
}

/** What of a row may be long. */
export function textsOf({ state, runs }: KnownRow): readonly unknown[] {
  return [state?.state, ...runs.map(({ outcome }) => outcome)];
}
