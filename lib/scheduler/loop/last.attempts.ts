import type { RunRecord } from '../../model/run.js';
import type { Store } from '../../stores/store.interface.js';

/** How many attempts of a run are looked through. */
const LAST_ATTEMPTS = 20;

/** What the history has of a run: its last attempts, the latest first. */
export async function lastAttempts(store: Pick<Store, 'runs'>, runId: string): Promise<readonly RunRecord[]> {
  return (await store.runs({ runId }, { limit: LAST_ATTEMPTS })).runs;
}
