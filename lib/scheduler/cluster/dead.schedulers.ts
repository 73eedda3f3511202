import type { SchedulerInstance } from '../../model/scheduler-instance.js';
import type { JournalNotes } from '../plan/journal.notes.js';
import type { StoreHandle } from '../tasks/store.handle.js';
import { isAlive } from './membership.js';

interface NotingServices {
  readonly identity: string;
  readonly heartbeatMs: number;
  readonly notes: JournalNotes;
}

/** How many earlier entries are looked through. */
const MAX_NOTED = 1_000;

/**
 * Notes in the journal which workers have died: they have not written a heartbeat for long, and have not left. Each once, whoever
 * notices.
 *
 * @param all Every scheduler of the store.
 */
export async function noteDead(
  { store, clock }: StoreHandle,
  all: readonly SchedulerInstance[],
  { identity, heartbeatMs, notes }: NotingServices,
): Promise<void> {
  const now = clock.now();
  const dead = all.filter(
    (one) => one.role === 'worker' && one.identity !== identity && !isAlive(one, now, heartbeatMs),
  );
  if (dead.length === 0) return;
  const from = Math.min(...dead.map(({ heartbeatAt }) => heartbeatAt));
  const { entries } = await store.journal({ kinds: ['scheduler.died'], from }, { limit: MAX_NOTED });
  const noted = new Set(entries.map(({ details }) => `${String(details?.identity)} ${String(details?.startedAt)}`));
  const died = dead.flatMap(({ identity: gone, startedAt, heartbeatAt }) => {
    const details = { identity: gone, startedAt: iso(startedAt), lastSeen: iso(heartbeatAt) };
    return noted.has(`${gone} ${details.startedAt}`) ? [] : [notes.entry('scheduler.died', now, { details })];
  });
  if (died.length > 0) await store.appendJournal(died);
}

function iso(time: number): string {
  return new Date(time).toISOString();
}
