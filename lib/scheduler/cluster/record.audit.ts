import type { StoreHandle } from '../tasks/store.handle.js';

/** How many tasks one look reads. */
const PART = 500;

/**
 * Reads the tasks of a store part by part, one part with each cleaning up. A record that says in its columns that it is
 * never due is found by no claim, and in no list that nobody opens: so it is read here, and reading it reports it when
 * it is damaged, inconsistent, too large or of a missing key.
 *
 * In the order of next run times, which Redis has page by page: by id it would look at every task each time. Those without a
 * time, which nobody else reads, keep their places in it.
 */
export class RecordAudit {
  /** Where the next look begins, by alias. */
  readonly #offsets = new Map<string, number>();

  /** Reads the next part, from the beginning again behind the last one. */
  async look({ alias, store }: StoreHandle): Promise<void> {
    // What is gone with this process was written by nobody else.
    if (!store.capabilities.durable) return;
    const offset = this.#offsets.get(alias) ?? 0;
    const { tasks } = await store.query({}, { by: 'nextRunTime', descending: false }, { offset, limit: PART });
    this.#offsets.set(alias, tasks.length < PART ? 0 : offset + PART);
  }
}
