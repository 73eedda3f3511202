import type { Change } from '../../model/change.js';
import { isIdle } from '../../model/task.js';
import type { TaskRecord } from '../../model/task.js';
import { startTaskPages } from '../../stores/start-task.pages.js';
import { disableTask, disposeOrphan, reconcileTask } from '../plan/reconcile.plan.js';
import type { Reconciled } from '../plan/reconcile.plan.js';
import { heldCopy, renamingOf, underId } from '../plan/rename.plan.js';
import type { CheckedDeclarations } from './declared.tasks.js';
import type { StoreHandle } from './store.handle.js';
import type { TaskBuilder } from './task.builder.js';

/**
 * What happens to tasks in the store that the code no longer declares: they are reported, paused, or removed.
 *
 * @publicApi
 */
export type OrphanPolicy = 'report' | 'pause' | 'remove';

/** How many tasks one call of the store is about at the most. */
export const DEPLOY_BATCH = 500;

export interface SurveyServices {
  readonly builder: Pick<TaskBuilder, 'triggerOf'>;
  readonly orphans: OrphanPolicy;
  /** Whether a scheduler that is alive has a handler which this one does not have. */
  hasElsewhere(handle: StoreHandle, handler: string): Promise<boolean>;
}

/** A task that is to have another id. */
export interface Rename {
  readonly to: string;
  readonly from: string;
  /** What is there under the old id; null where it is gone, and only the copy is left to be let go. */
  readonly source: TaskRecord | null;
  /** What is there under the new id: a copy of an earlier try, or null. */
  readonly copy: TaskRecord | null;
}

/** What a survey finds that is to be done, or said. Orphans and changes come page by page, the rest at the end. */
export type Finding =
  | { readonly kind: 'changed'; readonly tasks: readonly TaskRecord[] }
  | { readonly kind: 'orphans'; readonly tasks: readonly TaskRecord[] }
  | { readonly kind: 'rename'; readonly rename: Rename }
  /** Another version of the code, which runs, has the task under another id. */
  | { readonly kind: 'withheld'; readonly id: string; readonly as: TaskRecord }
  | { readonly kind: 'missing'; readonly ids: readonly string[] };

/**
 * What a deploy has to do in one store: it reads what is stored, and what the code declares decides. Reconciling does what it
 * finds, and a plan says it, so that they cannot differ. What it costs depends on what is declared, and not on the other tasks.
 */
export class DeploySurvey {
  readonly #ids: ReadonlySet<string>;

  constructor(
    readonly handle: StoreHandle,
    readonly declared: CheckedDeclarations,
    private readonly services: SurveyServices,
  ) {
    this.#ids = new Set(declared.mine.map(({ id }) => id));
  }

  /** What becomes of a task that is declared, under its id. Pure. */
  decide(task: TaskRecord, now: number): Change<readonly Reconciled[]> | null {
    const wanted = this.declared.built.get(task.id);
    return wanted
      ? reconcileTask(task, now, wanted, (one) => this.services.builder.triggerOf(one))
      : disableTask(task, now);
  }

  /** What becomes of a task that the code no longer declares. Pure. */
  dispose(task: TaskRecord, now: number): Change<readonly Reconciled[]> | null {
    const { orphans } = this.services;
    return orphans === 'report' ? null : disposeOrphan(task, now, orphans);
  }

  /** The task under the id that it is to have, as the code declares it, held until it is let go. Pure. */
  renamed(source: TaskRecord, now: number, id: string): TaskRecord {
    const moved = underId(source, id);
    return heldCopy(this.decide(moved, now)?.task ?? moved, source);
  }

  async *find(): AsyncGenerator<Finding> {
    const { handle } = this;
    const missing = new Set(this.#ids);
    const copies = new Map<string, TaskRecord>();
    const sources = new Map<string, TaskRecord>();
    const renamedAway: TaskRecord[] = [];
    for await (const tasks of startTaskPages(handle.store, 'declared', DEPLOY_BATCH)) {
      const now = handle.clock.now();
      const known: TaskRecord[] = [];
      const orphans: TaskRecord[] = [];
      for (const task of tasks) {
        const isMine = missing.delete(task.id);
        if (isMine && renamingOf(task)?.part === 'copy') copies.set(task.id, task);
        else if (isMine) known.push(task);
        else if (this.#targetOf(task) !== null) sources.set(task.id, task);
        else if (this.#wasMine(task)) renamedAway.push(task);
        else orphans.push(task);
      }
      // Most are as they were declared before: they are read once, and nothing is asked of the store.
      const changed = known.filter((task) => this.#changes(task, now));
      if (changed.length > 0) yield { kind: 'changed', tasks: changed };
      yield* this.#orphans(orphans);
    }
    yield* this.#renames(missing, copies, sources);
    yield* this.#renamedAway(missing, renamedAway);
    if (missing.size > 0) yield { kind: 'missing', ids: [...missing] };
  }

  /** The id that the code has for a task that it declares under another one now. */
  #targetOf(task: TaskRecord): string | null {
    const renaming = renamingOf(task);
    const target = this.declared.renames.get(task.id) ?? (renaming?.part === 'source' ? renaming.other : null);
    return target !== null && this.#isMine(target) ? target : null;
  }

  #isMine(id: string): boolean {
    return this.#ids.has(id);
  }

  /** Whether another version of the code has renamed a task that this one declares. */
  #wasMine({ definition }: TaskRecord): boolean {
    return definition.declared?.previousIds?.some((id) => this.#isMine(id)) ?? false;
  }

  /** Takes those that are renamed out of `missing`. */
  *#renames(
    missing: Set<string>,
    copies: ReadonlyMap<string, TaskRecord>,
    sources: ReadonlyMap<string, TaskRecord>,
  ): Generator<Finding> {
    const left = new Map(sources);
    for (const [to, copy] of copies) {
      const from = renamingOf(copy)!.other;
      yield { kind: 'rename', rename: { to, from, source: left.get(from) ?? null, copy } };
      left.delete(from);
    }
    const ranks = [...this.declared.renames.keys()];
    // In the order of the declaration: the latest of its ids counts, and the others are orphans.
    const ordered = [...left.values()].sort((a, b) => ranks.indexOf(a.id) - ranks.indexOf(b.id));
    for (const source of ordered) {
      const to = this.#targetOf(source)!;
      if (!missing.delete(to)) continue;
      left.delete(source.id);
      if (this.declared.built.has(to)) yield { kind: 'rename', rename: { to, from: source.id, source, copy: null } };
      // What the code disables keeps its old id until it is enabled.
      else if (this.#changes(source, this.handle.clock.now())) yield { kind: 'changed', tasks: [source] };
    }
    yield* this.#orphans([...left.values()]);
  }

  /** A task that this version declares is there under an id of another version. */
  async *#renamedAway(missing: Set<string>, tasks: readonly TaskRecord[]): AsyncGenerator<Finding> {
    const orphans: TaskRecord[] = [];
    for (const task of tasks) {
      const id = task.definition.declared!.previousIds!.find((one) => missing.has(one));
      if (id === undefined) orphans.push(task);
      else if (await this.services.hasElsewhere(this.handle, task.definition.handler)) {
        yield { kind: 'withheld', id, as: task };
      } else if (this.declared.built.has(id)) {
        yield { kind: 'rename', rename: { to: id, from: task.id, source: task, copy: null } };
      }
      if (id !== undefined) missing.delete(id);
    }
    yield* this.#orphans(orphans);
  }

  *#orphans(tasks: readonly TaskRecord[]): Generator<Finding> {
    const orphans = tasks.filter((task) => !this.#isOver(task));
    if (orphans.length > 0) yield { kind: 'orphans', tasks: orphans };
  }

  /** What has left the code after it was done is of no interest, unless it is to be removed. */
  #isOver({ state }: TaskRecord): boolean {
    return this.services.orphans !== 'remove' && state.exhausted && isIdle(state);
  }

  /** Whether the code does something with a task; what throws is for the store's step to report. */
  #changes(task: TaskRecord, now: number): boolean {
    try {
      return this.decide(task, now) !== null;
    } catch {
      return true;
    }
  }
}
