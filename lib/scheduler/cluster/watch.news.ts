import type { EventDispatcher } from '../../events/event.dispatcher.js';
import type { Logger } from '../../model/logger.js';
import type { TaskRecord } from '../../model/task.js';
import type { Unmet, WatchChange } from '../plan/expect.plan.js';

/** A task that is watched, and what of what is expected of it has not come. */
export interface Look {
  readonly task: TaskRecord;
  readonly unmet: Unmet;
  /** A success that is to be remembered; null for none. */
  readonly keeps: number | null;
}

/** What there is to say of a change, as an event and in the journal. */
export function newsOf({ task, unmet }: Look, { to, from, at }: WatchChange) {
  const { state, definition } = task;
  const { handler } = definition;
  if (to === 'late') {
    const { expected, dueAt, withinMs } = unmet.late ?? { expected: 'start' as const, dueAt: at, withinMs: 0 };
    return { kind: 'task.late', fields: { handler, expected, dueAt: new Date(dueAt), withinMs } } as const;
  }
  if (to === 'silent') {
    const { since, everyAtLeastMs } = unmet.silent ?? { since: at, everyAtLeastMs: 0 };
    const fields = { handler, since: new Date(since), everyAtLeastMs, paused: state.pause !== null };
    return { kind: 'task.silent', fields } as const;
  }
  return { kind: 'task.recovered', fields: { handler, from: from ?? 'late', since: new Date(at) } } as const;
}

/** Logs and emits a change. */
export function tellNews(
  { events, logger }: { readonly events: EventDispatcher; readonly logger: Logger },
  store: string,
  look: Look,
  change: WatchChange,
): void {
  const taskId = look.task.id;
  const where = `The task "${taskId}" in store "${store}"`;
  const news = newsOf(look, change);
  switch (news.kind) {
    case 'task.late': {
      const { expected, dueAt } = news.fields;
      const missing = expected === 'start' ? 'has not started' : 'is not over';
      logger.error(`${where} is late: its run that was due at ${dueAt.toISOString()} ${missing}`);
      events.emit(news.kind, { taskId, store, ...news.fields });
      break;
    }
    case 'task.silent':
      logger.error(`${where} is silent: no run has succeeded since ${news.fields.since.toISOString()}`);
      events.emit(news.kind, { taskId, store, ...news.fields });
      break;
    case 'task.recovered':
      logger.info(`${where} is as expected again`);
      events.emit(news.kind, { taskId, store, ...news.fields });
  }
}
