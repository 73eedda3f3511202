import { AsynczError } from '../../errors/asyncz.error.js';
import { DeclarationError } from '../../errors/declaration.error.js';
import { InvalidOptionError } from '../../errors/input.errors.js';
import { promiseOf } from '../../errors/returned.js';
import { StartTimeoutError } from '../../errors/store.errors.js';
import { MAX_PREVIOUS_IDS } from '../../model/definition.js';
import type { TaskRecord } from '../../model/task.js';
import type { Deadline } from '../../time/deadline.js';
import type { InputChecks } from './input.checks.js';
import type { StoreHandle } from './store.handle.js';
import type { TaskBuilder } from './task.builder.js';
import type { TaskSpec } from './task.options.js';
import { TaskSeries } from './task.series.js';
import { WorkPace } from './work.pace.js';

/**
 * A task that the code declares, with its options as they are now.
 *
 * @publicApi
 */
export type DeclaredTask = TaskSpec & {
  readonly id: string;
  /**
   * Whether the task is held, if it is in the store: nothing of it starts until the code declares it as enabled. Then nothing is
   * looked at but the `id`, the `previousIds` and the `store`.
   *
   * @default false
   */
  readonly disabled?: boolean;
  /**
   * The ids that it had in earlier versions of the code, the latest first, 20 at the most: a task with one of them gets the `id`,
   * with its schedule, its pause and the link to its history. See `docs/nestjs.md`.
   */
  readonly previousIds?: readonly string[];
};

/** What is declared for one store, checked. */
export interface CheckedDeclarations {
  readonly mine: readonly DeclaredTask[];
  /** Those that are not disabled, as if they were new, by id. */
  readonly built: ReadonlyMap<string, TaskRecord>;
  /** The id that a task is to have, by one that it had before. */
  readonly renames: ReadonlyMap<string, string>;
}

/** Does something with what the code declares: an error says which declaration it is about. @throws DeclarationError */
export async function ofDeclaration<T>({ id, handler }: DeclaredTask, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof AsynczError)) throw error;
    throw new DeclarationError('@ScheduledTask', handler, error.message, id, { cause: error });
  }
}

/** @throws InvalidOptionError When two tasks have one id, or claim one that an earlier version had. */
export function checkDeclaredIds(tasks: readonly DeclaredTask[]): void {
  const ids = new Set<string>();
  for (const { id } of tasks) {
    if (ids.has(id)) throw new InvalidOptionError('id', id, 'an id that only one declared task has');
    ids.add(id);
  }
  const claimed = new Set<string>();
  for (const { previousIds, store = 'default' } of tasks) {
    for (const previous of checkPreviousIds(previousIds)) {
      if (ids.has(previous))
        throw new InvalidOptionError('previousIds', previous, 'ids that no declared task has any more');
      const key = JSON.stringify([store, previous]);
      if (claimed.has(key))
        throw new InvalidOptionError('previousIds', previous, 'an id that only one declared task has had');
      claimed.add(key);
    }
  }
}

function checkPreviousIds(ids: unknown): readonly string[] {
  if (ids === undefined) return [];
  const isList = Array.isArray(ids) && ids.length <= MAX_PREVIOUS_IDS;
  if (!isList || ids.some((id) => typeof id !== 'string' || id === '')) {
    throw new InvalidOptionError('previousIds', ids, `a list of ${MAX_PREVIOUS_IDS} ids at the most`);
  }
  return ids as string[];
}

/**
 * Checks what is declared for a store, before the first of it is written.
 *
 * @param deadline When a start is over; null for no limit to how long schemas may take.
 * @throws DeclarationError
 */
export async function checkDeclarations(
  services: { readonly builder: TaskBuilder; readonly inputs: InputChecks },
  handle: StoreHandle,
  declared: readonly DeclaredTask[],
  deadline: Deadline | null,
): Promise<CheckedDeclarations> {
  const mine = declared.filter(({ store = 'default' }) => store === handle.alias);
  const series = new TaskSeries(handle.clock.now());
  const pace = new WorkPace();
  const built = new Map<string, TaskRecord>();
  const renames = new Map<string, string>();
  for (const options of mine) {
    const { previousIds = [], disabled, ...spec } = options;
    for (const previous of previousIds) renames.set(previous, options.id);
    const task = await ofDeclaration(options, () => {
      checkDisabled(disabled);
      return disabled ? null : build(services, spec, previousIds, series, handle, deadline);
    });
    if (task) built.set(options.id, task);
    if (pace.step()) await pace.rest();
  }
  return { mine, built, renames };
}

async function build(
  { builder, inputs }: { readonly builder: TaskBuilder; readonly inputs: InputChecks },
  options: TaskSpec,
  previousIds: readonly string[],
  series: TaskSeries,
  handle: StoreHandle,
  deadline: Deadline | null,
): Promise<TaskRecord> {
  const task = builder.buildDeclared(options, previousIds, series);
  const checked = promiseOf(inputs.check(task.definition, { handle }));
  if (checked && deadline === null) await checked;
  else if (checked && !(await deadline!.holds(checked))) {
    throw new StartTimeoutError(`the schema of handler "${task.definition.handler}"`);
  }
  return task;
}

function checkDisabled(disabled: unknown): void {
  if (disabled !== undefined && typeof disabled !== 'boolean') {
    throw new InvalidOptionError('disabled', disabled, 'true or false');
  }
}
