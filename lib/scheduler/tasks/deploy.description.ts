import { DECLARED_INPUT } from '../../model/definition.js';
import type { DECLARED_FIELDS, TaskDefinition } from '../../model/definition.js';
import type { TaskPolicies } from '../../model/task.policies.js';
import type { TaskRecord, UnreadableTask } from '../../model/task.js';
import { changedOptions } from '../plan/reconcile.plan.js';
import type { Reconciled } from '../plan/reconcile.plan.js';
import { underId, withoutRenaming } from '../plan/rename.plan.js';
import { fingerprintOf } from './declaration.js';
import type { DeployAction, DeployEntry, DeployField } from './deploy.info.js';
import type { DeploySurvey, Rename } from './deploy.survey.js';

/** The longest text of a value of an option. */
const MAX_SHOWN = 500;

/** Puts into words what a {@link DeploySurvey} found. Changes nothing. */
export class DeployDescription {
  constructor(private readonly survey: DeploySurvey) {}

  /** A fingerprint of what is stored, as far as people and code make it, and of what the code declares under an id. */
  basis(task: TaskRecord | null, id: string): string {
    const wanted = this.survey.declared.built.get(id)?.definition.declared ?? null;
    const stored = task && withoutRenaming(task);
    return fingerprintOf([stored && [stored.definition, stored.state.pause], wanted]);
  }

  added(id: string): DeployEntry {
    const { definition, state } = this.survey.declared.built.get(id)!;
    const { handler } = definition;
    const nextRunAfter = toText(state.nextRunTime);
    return this.#entry(id, 'added', 'add', { handler, nextRunAfter, basis: this.basis(null, id) });
  }

  /** null when nothing is to be changed. */
  changed(task: TaskRecord, now: number): DeployEntry | null {
    const change = this.survey.decide(task, now);
    if (change === null) return null;
    const isDisabled = change.value.includes('disabled');
    return this.#entry(task.id, isDisabled ? 'disabled' : 'changed', 'change', {
      ...this.#difference(task, change.task!, change.value),
      basis: this.basis(task, task.id),
    });
  }

  renamed({ to, from, source, copy }: Rename, now: number): DeployEntry {
    const stored = source ?? copy!;
    const moved = underId(stored, to);
    const change = this.survey.decide(moved, now);
    return this.#entry(to, 'renamed', 'rename', {
      ...this.#difference(stored, change?.task ?? moved, change?.value ?? []),
      storedId: from,
      basis: this.basis(stored, to),
    });
  }

  orphaned(task: TaskRecord, now: number): DeployEntry {
    const change = this.survey.dispose(task, now);
    const action = change === null ? 'none' : change.task === null ? 'remove' : 'pause';
    return this.#entry(task.id, 'orphaned', action, {
      ...this.#difference(task, change === null ? task : change.task, change?.value ?? []),
      fields: [],
      basis: this.basis(task, task.id),
    });
  }

  withheld(id: string, as: TaskRecord): DeployEntry {
    const { handler } = as.definition;
    return this.#entry(id, 'withheld', 'none', { handler, storedId: as.id, basis: this.basis(as, id) });
  }

  unreadable({ id, unreadable, handler, nextRunTime }: UnreadableTask): DeployEntry {
    const nextRunBefore = toText(nextRunTime);
    const basis = fingerprintOf([id, unreadable]);
    return this.#entry(id, 'unreadable', 'none', { handler, nextRunBefore, unreadable, basis });
  }

  #entry(
    taskId: string,
    kind: DeployEntry['kind'],
    action: DeployAction,
    rest: Partial<DeployEntry> & Pick<DeployEntry, 'basis'>,
  ): DeployEntry {
    return {
      taskId,
      store: this.survey.handle.alias,
      kind,
      action,
      handler: null,
      storedId: null,
      fields: [],
      holds: [],
      nextRunBefore: null,
      nextRunAfter: null,
      unreadable: null,
      ...rest,
    };
  }

  #difference(before: TaskRecord, after: TaskRecord | null, done: readonly Reconciled[]): Partial<DeployEntry> {
    return {
      handler: (after ?? before).definition.handler,
      fields: after === null ? [] : changedFields(before.definition, after.definition),
      holds: done.filter((one) => one !== 'modified'),
      nextRunBefore: toText(before.state.nextRunTime),
      nextRunAfter: toText(after?.state.nextRunTime ?? null),
    };
  }
}

/** The options whose value a deploy changes; what it only takes over from an operator without a change is left out. */
function changedFields(before: TaskDefinition, after: TaskDefinition): DeployField[] {
  const fields: DeployField[] = [];
  const add = (field: string, old: unknown, fresh: unknown) => {
    const [from, to] = [jsonOf(old), jsonOf(fresh)];
    if (from !== to) fields.push({ field, before: short(from), after: short(to) });
  };
  add('trigger', before.trigger, after.trigger);
  for (const option of changedOptions(before.declared, after.declared!)) {
    // What is in arguments is for the handler alone.
    if (option === DECLARED_INPUT) fields.push({ field: option, before: null, after: null });
    else add(option, valueOf(before, option), valueOf(after, option));
  }
  add('paused', before.declared?.paused, after.declared!.paused);
  add('previousIds', before.declared?.previousIds, after.declared!.previousIds);
  return fields;
}

function valueOf(definition: TaskDefinition, option: string): unknown {
  return option in definition.policies
    ? definition.policies[option as keyof TaskPolicies]
    : definition[option as (typeof DECLARED_FIELDS)[number]];
}

function jsonOf(value: unknown): string | null {
  return JSON.stringify(value) ?? null;
}

function short(text: string | null): string | null {
  return text !== null && text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN - 1)}…` : text;
}

function toText(time: number | null): string | null {
  return time === null ? null : new Date(time).toISOString();
}
