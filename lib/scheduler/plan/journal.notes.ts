import type { Attribution } from '../../model/attribution.js';
import type { Apply } from '../../model/change.js';
import { journalId } from '../../model/journal.id.js';
import type { JournalEntry, JournalKind } from '../../model/journal.js';
import { JournalValues } from '../../model/journal.values.js';
import type { TaskRecord } from '../../model/task.js';
import { taskChanges } from './journal.changes.js';

/** Whom nobody has named. */
export const NOBODY: Attribution = { actor: null, reason: null };

/** What there is to say beside who, why and what changed. */
export type JournalDetails = Readonly<Record<string, unknown>>;

/** What an entry is about. Left out: no task, nobody, nothing. */
interface EntryFields extends Partial<Attribution> {
  readonly taskId?: string | null;
  readonly changes?: JournalEntry['changes'];
  readonly details?: JournalDetails | undefined;
}

/** Makes the entries of the journal that one scheduler writes. */
export class JournalNotes {
  /** @param scheduler Its identity. */
  constructor(readonly scheduler: string) {}

  /** @param time The store's clock, in milliseconds since the epoch. */
  entry(kind: JournalKind, time: number, fields: EntryFields = {}): JournalEntry {
    const { taskId = null, actor = null, reason = null, changes = [], details } = fields;
    return {
      id: journalId(time),
      time,
      kind,
      taskId,
      scheduler: this.scheduler,
      actor,
      reason,
      ...(changes.length > 0 && { changes }),
      ...(details && { details: new JournalValues().of(details) as JournalDetails }),
    };
  }

  /**
   * The entry of a task that is added; none for what is an ordinary run: a task that runs once, and that nobody in particular has
   * asked for.
   */
  added(task: TaskRecord, request: Attribution, details?: JournalDetails): readonly JournalEntry[] {
    if (!isWorthNoting(task, request)) return [];
    const changes = taskChanges(null, task);
    return [this.entry('task.added', task.state.createdAt, { taskId: task.id, ...request, changes, details })];
  }

  /** The entry of a task that was read, and is deleted. */
  deleted(taskId: string, task: TaskRecord | null, time: number, request: Attribution): JournalEntry {
    return this.entry('task.deleted', time, { taskId, ...request, changes: task ? taskChanges(task, null) : [] });
  }

  /** The entry of a change. */
  changed(
    kind: JournalKind,
    time: number,
    request: Attribution,
    before: TaskRecord,
    after: TaskRecord | null,
    details?: JournalDetails,
  ): JournalEntry {
    const { id: taskId } = before;
    if (after) return this.entry(kind, time, { taskId, ...request, changes: taskChanges(before, after), details });
    if (kind === 'task.deleted') return this.deleted(taskId, before, time, request);
    // It had nothing left to run.
    return this.entry(kind, time, { taskId, ...request, details: { ...details, removed: true } });
  }

  /** A plan whose changes have an entry each. */
  noted<T>(
    kind: JournalKind,
    request: Attribution,
    plan: Apply<T>,
    detailsOf?: (value: T) => JournalDetails | undefined,
  ): Apply<T> {
    return (task, now, decided) => {
      const change = plan(task, now, decided);
      if (!change) return null;
      return { ...change, journal: [this.changed(kind, now, request, task, change.task, detailsOf?.(change.value))] };
    };
  }
}

/** Who and why, of an entry. */
export function attributionOf({ actor, reason }: Attribution): Attribution {
  return { actor, reason };
}

/** Whether asking for a task is more than asking for a run. */
export function isWorthNoting({ definition }: TaskRecord, { actor }: Attribution): boolean {
  return actor !== null || definition.trigger.type !== 'date';
}
