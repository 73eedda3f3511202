import type { TaskRecord, TaskState } from '../../model/task.js';
import { hasSealed } from '../../persistence/state.text.js';
import type { LoadedTask, Write } from './redis.records-codec.js';

/** How many tasks are remembered: as many as one process has under way, and more. */
const LIMIT = 10_000;

/**
 * The tasks that this process has under way, as it wrote them: the end of a run and the renewal of a lease need not read
 * them again. Whether one still is as remembered is seen by its place when it is written.
 */
export class KnownTasks {
  readonly #tasks = new Map<string, LoadedTask & { readonly stateText: string }>();

  /** Remembers what was written, while runs of it are under way. */
  keep(task: TaskRecord | null, { row, entry: { place } }: Write): void {
    this.#tasks.delete(row.id);
    if (!task || row.running === 0 || place === undefined) return;
    // Copied as far as an end of a run looks into it: the caller has the same objects.
    const { definition } = task;
    const own = { ...definition, policies: { ...definition.policies } };
    // The definition's text is not needed: what changes the definition reads it first.
    this.#tasks.set(row.id, {
      task: { ...task, definition: own },
      row: { ...row, definition: '' },
      place,
      // What people have said may be encrypted in the row.
      stateText: hasSealed(row.state) ? JSON.stringify(task.state) : row.state,
    });
    if (this.#tasks.size > LIMIT) this.#tasks.delete(this.#tasks.keys().next().value!);
  }

  /** The task as it was written last, with a state of its own; undefined when it has to be read. */
  get(id: string): LoadedTask | undefined {
    const known = this.#tasks.get(id);
    if (!known) return undefined;
    const { task, row, place, stateText } = known;
    return { row, place, task: { ...task, state: JSON.parse(stateText) as TaskState } };
  }

  forget(id: string): void {
    this.#tasks.delete(id);
  }
}
