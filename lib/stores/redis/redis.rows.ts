import type { StoredParts, StoredRun } from './redis.records.js';

/** What a script gives for one field: null when it is not there. */
type Cell = string | null;

/** What a script gives for several tasks: lists of ids, definitions, states, and what claimers have. An id of null is to be passed over. */
export type Rows = readonly [ids: Cell[], definitions: Cell[], states: Cell[], takens: Cell[]];

/** The tasks of an answer; of none, none. */
export function partsOf(rows: Rows | null): StoredParts[] {
  const parts: StoredParts[] = [];
  if (!rows) return parts;
  const [ids, definitions, states, takens] = rows;
  // An iterator of entries makes two objects a task.
  for (let at = 0; at < ids.length; at += 1) {
    const id = ids[at]!;
    if (id === null) continue;
    parts.push({ id, definition: definitions[at] ?? '', state: states[at] ?? '', taken: takens[at] ?? '' });
  }
  return parts;
}

/** The ended runs of an answer: each is its task, its id, its attempt, and its text. */
export function runsOf(cells: readonly string[]): StoredRun[] {
  const runs: StoredRun[] = [];
  for (let at = 0; at < cells.length; at += 4) {
    runs.push({ task: cells[at]!, id: cells[at + 1]!, attempt: cells[at + 2]!, text: cells[at + 3]! });
  }
  return runs;
}
