import type { EventDispatcher } from '../../events/event.dispatcher.js';
import type { Apply } from '../../model/change.js';
import type { Logger } from '../../model/logger.js';
import type { TaskRecord } from '../../model/task.js';
import { addAllJournaled, transactJournaled } from '../../stores/journaled.js';
import { taskChanges } from '../plan/journal.changes.js';
import { NOBODY } from '../plan/journal.notes.js';
import type { JournalNotes } from '../plan/journal.notes.js';
import type { Reconciled } from '../plan/reconcile.plan.js';
import type { Deadline } from '../../time/deadline.js';
import { checkDeclarations } from './declared.tasks.js';
import type { CheckedDeclarations, DeclaredTask } from './declared.tasks.js';
import { DEPLOY_BATCH, DeploySurvey } from './deploy.survey.js';
import type { Rename, SurveyServices } from './deploy.survey.js';
import type { InputChecks } from './input.checks.js';
import type { StoreHandle } from './store.handle.js';
import type { TaskBuilder } from './task.builder.js';
import { renameTask } from './task.renaming.js';
import type { Renamed } from './task.renaming.js';

/** Why a task is resumed that the code declares again. */
const DECLARED = 'the code declares it as not paused';

/** Why a task is removed that it does not declare any more. */
const NOT_DECLARED = 'the code no longer declares it';

type Plan = Apply<readonly Reconciled[]>;

export interface ReconcilerServices extends SurveyServices {
  readonly builder: TaskBuilder;
  readonly inputs: InputChecks;
  readonly events: EventDispatcher;
  readonly logger: Logger;
  readonly notes: JournalNotes;
}

/**
 * Brings the stores to what the code declares, by stable id: new tasks are added; one whose trigger the code has changed
 * is rescheduled; one that is declared as before keeps its next run time and the changes of an operator; one that is
 * no longer declared is reported, or paused or removed where the options say so. Each change is one step in the store, so
 * ten replicas that start together do it once. What is to be done is found by {@link DeploySurvey}.
 */
export class Reconciler {
  constructor(private readonly services: ReconcilerServices) {}

  /**
   * Checks what is declared for a store, before the first of it is written.
   *
   * @param deadline When a start is over; null for no limit to how long schemas may take.
   * @throws DeclarationError
   */
  check(
    handle: StoreHandle,
    declared: readonly DeclaredTask[],
    deadline: Deadline | null,
  ): Promise<CheckedDeclarations> {
    return checkDeclarations(this.services, handle, declared, deadline);
  }

  survey(handle: StoreHandle, declared: CheckedDeclarations): DeploySurvey {
    return new DeploySurvey(handle, declared, this.services);
  }

  /**
   * Does it for one store: at the start, and when what was in the store is gone. May be repeated at any time.
   *
   * @returns The ids of tasks that another version of the code has, or whose old id still has a run: to be settled later.
   */
  async reconcileStore(handle: StoreHandle, declared: CheckedDeclarations): Promise<readonly string[]> {
    const survey = this.survey(handle, declared);
    const unsettled: string[] = [];
    for await (const finding of survey.find()) {
      if (finding.kind === 'changed') await this.change(survey, idsOf(finding.tasks), deciding(survey));
      else if (finding.kind === 'orphans') await this.#handleOrphans(survey, finding.tasks);
      else if (finding.kind === 'missing') await this.#addAll(survey, finding.ids);
      else if (finding.kind === 'rename') {
        if ((await this.rename(survey, finding.rename)) === 'waiting') unsettled.push(finding.rename.to);
      } else {
        unsettled.push(finding.id);
        this.#reportWithheld(survey, finding.id, finding.as);
      }
    }
    return unsettled;
  }

  /**
   * Does what {@link reconcileStore} had to leave for later, and nothing else.
   *
   * @param declared Only the tasks that it left.
   * @returns Those that are to be left still.
   */
  async settle(handle: StoreHandle, declared: CheckedDeclarations): Promise<readonly string[]> {
    const survey = this.survey(handle, declared);
    const unsettled: string[] = [];
    for await (const finding of survey.find()) {
      if (finding.kind === 'withheld') unsettled.push(finding.id);
      else if (finding.kind === 'missing') await this.#addAll(survey, finding.ids);
      else if (finding.kind === 'rename' && (await this.rename(survey, finding.rename)) === 'waiting')
        unsettled.push(finding.rename.to);
    }
    return unsettled;
  }

  /** Gives a task its new id, as far as that goes now. */
  async rename(survey: DeploySurvey, rename: Rename, isExpected?: (source: TaskRecord) => boolean): Promise<Renamed> {
    const { events, logger, notes } = this.services;
    const { alias } = survey.handle;
    const done = await renameTask(survey, rename, isExpected);
    if (done === 'renamed') {
      logger.info(`The task "${rename.from}" in store "${alias}" is "${rename.to}" from now on`);
      events.emit('task.renamed', { taskId: rename.to, store: alias, previousId: rename.from });
      const { store, clock } = survey.handle;
      const details = { done: ['renamed'], previousId: rename.from };
      await store.appendJournal([notes.entry('task.reconciled', clock.now(), { taskId: rename.to, details })]);
      // The copy may be of other code.
      if (rename.copy) await this.change(survey, [rename.to], deciding(survey));
    } else if (done === 'waiting') {
      logger.info(
        `The task "${rename.from}" in store "${alias}" becomes "${rename.to}" when its run under way has ended; it is held until then`,
      );
    }
    return done;
  }

  /** Adds what is not there as a task of the code. Returns the ids that are there all the same. */
  async add({ handle, declared }: DeploySurvey, ids: readonly string[]): Promise<readonly string[]> {
    const tasks = ids.flatMap((id) => declared.built.get(id) ?? []);
    const { notes } = this.services;
    const journal = tasks.map((task) => notes.entry('task.added', task.state.createdAt, declaredFields(task)));
    const conflicts = new Set(tasks.length > 0 ? await addAllJournaled(handle.store, tasks, { journal }) : []);
    for (const { id } of tasks)
      if (!conflicts.has(id)) this.services.events.emit('task.added', { taskId: id, store: handle.alias });
    // Another replica was faster, which may run other code; it was added at run time; or it is only to be held.
    return ids.filter((id) => conflicts.has(id) || !declared.built.has(id));
  }

  /** Changes those that are there. Returns the tasks that are changed, and those that are left as they are. */
  async change(
    { handle }: DeploySurvey,
    ids: readonly string[],
    plan: Plan,
  ): Promise<{ readonly changed: readonly string[]; readonly left: readonly TaskRecord[] }> {
    const { committed, left, failed } = await transactJournaled(handle.store, { ids }, this.#noted(plan));
    for (const { id, task, value } of committed) this.#announce({ taskId: id, store: handle.alias }, task, value);
    handle.wakeFor(...committed.flatMap(({ task }) => task ?? []));
    for (const { id, error } of failed) {
      this.services.logger.error(
        `The task "${id}" in store "${handle.alias}" could not be brought to what is declared`,
        error,
      );
    }
    return { changed: committed.map(({ id }) => id), left };
  }

  /** A plan with an entry of the journal for each change that a deploy makes. */
  #noted(plan: Plan): Plan {
    const { notes } = this.services;
    return (task, now, decided) => {
      const change = plan(task, now, decided);
      if (!change) return null;
      const kind = change.task ? 'task.reconciled' : 'task.deleted';
      const reason = change.task ? null : NOT_DECLARED;
      const details = { done: change.value };
      return { ...change, journal: [notes.changed(kind, now, { ...NOBODY, reason }, task, change.task, details)] };
    };
  }

  async #addAll(survey: DeploySurvey, ids: readonly string[]): Promise<void> {
    for (const batch of batchesOf(ids)) {
      const others = await this.add(survey, batch);
      if (others.length > 0) await this.change(survey, others, deciding(survey));
    }
  }

  #announce(event: { taskId: string; store: string }, task: TaskRecord | null, done: readonly Reconciled[]): void {
    const reason = task?.state.pause?.reason ?? null;
    for (const one of done) {
      if (one === 'paused') this.services.events.emit('task.paused', { ...event, actor: null, reason });
      else if (one === 'resumed')
        this.services.events.emit('task.resumed', { ...event, actor: null, reason: DECLARED });
      else this.services.events.emit(`task.${one}`, event);
    }
  }

  async #handleOrphans(survey: DeploySurvey, tasks: readonly TaskRecord[]): Promise<void> {
    const { logger, events, orphans } = this.services;
    const { alias } = survey.handle;
    for (const { id, definition } of tasks) {
      logger.warn(`The task "${id}" in store "${alias}" is no longer declared by the code (orphans: ${orphans})`);
      events.emit('task.orphaned', { taskId: id, store: alias, handler: definition.handler });
    }
    if (orphans === 'report') return;
    await this.change(survey, idsOf(tasks), (task, now) => survey.dispose(task, now));
  }

  #reportWithheld({ handle }: DeploySurvey, id: string, as: TaskRecord): void {
    this.services.logger.warn(
      `The task "${id}" is not added to store "${handle.alias}": another version of the code, which runs, has renamed it to "${as.id}"`,
    );
  }
}

/** The entry of a task that the code declares, and that a deploy adds. */
function declaredFields(task: TaskRecord) {
  return { taskId: task.id, changes: taskChanges(null, task), details: { declared: true } };
}

/** What becomes of tasks that are declared. */
function deciding(survey: DeploySurvey): Plan {
  return (task, now) => survey.decide(task, now);
}

function idsOf(tasks: readonly TaskRecord[]): readonly string[] {
  return tasks.map(({ id }) => id);
}

export function batchesOf(ids: readonly string[]): readonly (readonly string[])[] {
  const batches: (readonly string[])[] = [];
  for (let at = 0; at < ids.length; at += DEPLOY_BATCH) batches.push(ids.slice(at, at + DEPLOY_BATCH));
  return batches;
}
