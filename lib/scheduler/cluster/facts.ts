import { messageOf } from '../../errors/thrown.js';
import type { EndedRunEvent, SchedulerEvent, SchedulerEventName } from '../../events/event.map.js';
import type { JournalKind } from '../../model/journal.js';
import type { JournalDetails } from '../plan/journal.notes.js';

/** Something that happened, as the journal of a store is to say it. */
export interface Fact {
  readonly kind: JournalKind;
  /** The alias of the store. */
  readonly store: string;
  readonly taskId: string | null;
  readonly reason?: string | null;
  readonly details?: JournalDetails;
}

/** The events that facts are made of. */
export const FACT_EVENTS = [
  'scheduler.started',
  'store.failed',
  'store.recovered',
  'store.emptied',
  'task.problem',
  'task.unreadable',
  'task.orphaned',
  'task.paused',
  'run.lost',
  'run.missed',
  'run.fenced',
] as const satisfies readonly SchedulerEventName[];

/** The longest reason, in characters. */
const MAX_REASON = 500;

/** What an event says that is to be kept; `store` is null for all of them. */
export function factOf(event: SchedulerEvent): readonly (Omit<Fact, 'store'> & { readonly store: string | null })[] {
  switch (event.name) {
    case 'scheduler.started':
      return [{ kind: event.name, store: null, taskId: null }];
    case 'store.failed':
      return [{ kind: event.name, store: event.store, taskId: null, reason: short(messageOf(event.error)) }];
    case 'store.recovered':
      return [{ kind: event.name, store: event.store, taskId: null, details: { failures: event.failures } }];
    case 'store.emptied':
      return [{ kind: event.name, store: event.store, taskId: null }];
    case 'task.problem': {
      const { code, message, count: inARow } = event.problem;
      return [{ kind: event.name, ...placeOf(event), reason: short(message), details: { code, inARow } }];
    }
    case 'task.unreadable':
      return [{ kind: event.name, ...placeOf(event), reason: short(event.message), details: { code: event.reason } }];
    case 'task.orphaned':
      return [{ kind: event.name, ...placeOf(event), details: { handler: event.handler } }];
    case 'task.paused':
      return event.byFailures ? [{ kind: 'task.failing', ...placeOf(event), reason: event.reason }] : [];
    case 'run.lost':
    case 'run.missed':
      return [{ kind: event.name, ...placeOf(event), details: detailsOf(event) }];
    case 'run.fenced':
      return [{ kind: event.name, ...placeOf(event), details: { runId: event.runId, attempt: event.attempt } }];
    default:
      return [];
  }
}

function placeOf({ store, taskId }: { readonly store: string; readonly taskId: string }) {
  return { store, taskId };
}

function detailsOf({ run }: EndedRunEvent): JournalDetails {
  const { id: runId, attempt, owner, dead, coalesced } = run;
  return { runId, ...(run.status === 'lost' ? { attempt, owner, dead } : { coalesced }) };
}

function short(text: string): string {
  return text.length <= MAX_REASON ? text : `${text.slice(0, MAX_REASON - 1)}…`;
}
