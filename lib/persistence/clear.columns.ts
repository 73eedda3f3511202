import { DUE_KEY_NAMES, DUE_KEYS } from '../model/due-keys.js';
import { isDisabled } from '../model/definition.js';
import { isStartTask } from '../model/start-tasks.js';
import type { TaskRecord } from '../model/task.js';
import { dueTime, isIdle, runningCount } from '../model/task.js';
import type { TaskRow } from './codec.interface.js';
import { UnreadableFault } from './unreadable.fault.js';

/**
 * Refuses a row whose clear columns say something else than its record. Databases find, sort and filter by the columns, and
 * the engine goes by the record: a task with a due time in one and not in the other would never run, and nobody would know.
 *
 * @param codec How the record is written: see `TaskRow.codec`.
 * @throws UnreadableFault Which column; never what is in it.
 */
export function refuseInconsistent(row: TaskRow, { definition, state }: TaskRecord, codec: string): void {
  const check = (column: keyof TaskRow, isRight: boolean) => {
    if (isRight) return;
    throw new UnreadableFault('inconsistent', `The column ${column} says something else than the record.`);
  };
  check('dueAt', isDueTime(row.dueAt, { definition, state }));
  check('nextRunTime', row.nextRunTime === state.nextRunTime);
  check('running', row.running === runningCount(state));
  check('paused', row.paused === (state.pause !== null));
  check('finished', row.finished === (state.exhausted && isIdle(state)));
  check('disabled', row.disabled === isDisabled(definition));
  check('startTask', (row.startTask ?? isStartTask(definition)) === isStartTask(definition));
  check('priority', row.priority === definition.policies.priority);
  check('codec', row.codec === codec);
  check('name', isSame(row.name, definition.name));
  check('handler', isSame(row.handler, definition.handler));
  check('trigger', isSame(row.trigger, definition.trigger.type));
  for (const key of DUE_KEY_NAMES) check(key, isSame(row[key], DUE_KEYS[key](definition)));
  check('tags', areSame(row.tags, definition.tags));
}

/** A store that keeps the lease in columns of its own may leave the time at which a task that was taken has been due. */
function isDueTime(dueAt: number | null, { definition, state }: Pick<TaskRecord, 'definition' | 'state'>): boolean {
  const due = dueTime(definition, state);
  return dueAt === due || (state.lease !== null && dueAt !== null && due !== null && dueAt < due);
}

/** Databases that have no NUL and no half a surrogate pair leave them out, and some have no empty text. */
function isSame(column: unknown, text: string | null): boolean {
  if (column === text) return true;
  return (column === null || typeof column === 'string') && storable(column) === storable(text);
}

function storable(text: string | null): string {
  return (text ?? '').replace(/[\0\p{Surrogate}]/gu, '');
}

function areSame(column: unknown, tags: readonly string[]): boolean {
  return Array.isArray(column) && column.length === tags.length && tags.every((tag, at) => column[at] === tag);
}
