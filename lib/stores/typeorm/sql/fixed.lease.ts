import type { TaskRow, TaskStateRow } from '../../../persistence/codec.interface.js';
import { STATE_COLUMNS, stateValues, storable, TASK_COLUMNS, taskValues } from './columns.js';

/** To how many characters the owner of a lease is filled up: one that is not longer takes the room that none takes. */
const OWNER_LENGTH = 64;

const OF_LEASE: ReadonlySet<string> = new Set(
  TASK_COLUMNS.flatMap((column) => ('ofLease' in column ? column.name : [])),
);

const TASK_NAMES = TASK_COLUMNS.map(({ name }) => name);

/**
 * A task's row as {@link taskValues} gives it, with no null among the columns of the lease, as MySQL and MariaDB have them.
 * InnoDB changes in its place what keeps its length, and else writes the row anew: measured, a taking and the end of its run
 * write 1.1 kB of redo, and 6.1 kB where lengths change.
 */
export function fixedTaskValues(row: TaskRow): unknown[] {
  return fixedLease(TASK_NAMES, taskValues(row));
}

/** The same of {@link stateValues}. */
export function fixedStateValues(row: TaskStateRow): unknown[] {
  return fixedLease(STATE_COLUMNS, stateValues(row));
}

/** The owner of a lease, or that there is none, as the column has it. */
export function fixedOwner(owner: string): string {
  return storable(owner).padEnd(OWNER_LENGTH, '\0');
}

function fixedLease(columns: readonly string[], values: unknown[]): unknown[] {
  for (const [at, name] of columns.entries()) {
    if (!OF_LEASE.has(name)) continue;
    const value = values[at];
    values[at] = name === 'lease_owner' ? fixedOwner((value ?? '') as string) : (value ?? 0);
  }
  return values;
}
