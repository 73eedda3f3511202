import { TaskConflictError } from '../../errors/task.errors.js';
import type { JournalEntry } from '../../model/journal.js';
import { dueTime } from '../../model/task.js';
import type { TaskRecord } from '../../model/task.js';
import { batchesOf } from './redis.entries.js';
import type { Outcome, PutEntry } from './redis.entries.js';
import type { RedisJournal } from './redis.journal.js';
import type { RedisRecordsCodec } from './redis.records-codec.js';
import type { RedisScripts } from './redis.scripts.js';
import { inFlight } from './redis.slices.js';
import type { RedisWakeUps } from './redis.wakeups.js';

/** One task that waits to be added, and whoever waits for that. */
interface Waiting {
  readonly entry: PutEntry;
  readonly dueAt: number | null;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Adds tasks. Those that are added one by one in the same moment go in one call, and each is answered by itself. */
export class RedisAdder {
  #waiting = new Map<string, Waiting>();

  constructor(
    private readonly scripts: RedisScripts,
    private readonly records: RedisRecordsCodec,
    private readonly journal: RedisJournal,
    private readonly wakeUps: Pick<RedisWakeUps, 'telling' | 'publish'>,
  ) {}

  /**
   * @throws TaskConflictError When the id is there already.
   */
  async add(task: TaskRecord, journal?: readonly JournalEntry[]): Promise<void> {
    const entry = this.#entryOf(task, this.scripts.nonce(), journal);
    // One of the same id is asked about in a call of its own.
    if (this.#waiting.has(task.id)) this.#send();
    return new Promise((resolve, reject) => {
      if (this.#waiting.size === 0) setImmediate(() => this.#send());
      this.#waiting.set(task.id, { entry, dueAt: dueTimeOf(task), resolve, reject });
    });
  }

  /** Adds tasks of different ids, and tells others of the earliest. Returns the ids that were there already. */
  async addMany(tasks: readonly TaskRecord[], journal: readonly JournalEntry[] = []): Promise<string[]> {
    const nonce = this.scripts.nonce();
    const entriesOf = byTask(journal);
    const batches = batchesOf(tasks.map((task) => this.#entryOf(task, nonce, entriesOf.get(task.id))));
    const dueAt = earliest(tasks.map(dueTimeOf));
    const tell = dueAt === null || batches.length > 1 ? {} : { tell: this.wakeUps.telling(dueAt) };
    const conflicts: string[] = [];
    await inFlight(batches, async (batch) => {
      const { outcomes } = await this.scripts.exchange(batch, tell);
      for (const [at, outcome] of outcomes.entries()) if (outcome === 'exists') conflicts.push(batch[at]!.id);
    });
    // Others are told when all of them are there.
    if (dueAt !== null && batches.length > 1 && conflicts.length < tasks.length) void this.wakeUps.publish(dueAt);
    return conflicts;
  }

  #entryOf(task: TaskRecord, nonce: string, journal?: readonly JournalEntry[]): PutEntry {
    const entry = this.records.whole(task, nonce, { what: 'add', guard: '' });
    return journal?.length ? { ...entry, journal: this.journal.textsOf(journal) } : entry;
  }

  #send(): void {
    const waiting = [...this.#waiting.values()];
    this.#waiting = new Map();
    if (waiting.length > 0) void this.#write(waiting);
  }

  async #write(waiting: readonly Waiting[]): Promise<void> {
    const byEntry = new Map<unknown, Waiting>(waiting.map((one) => [one.entry, one]));
    await inFlight(batchesOf(waiting.map(({ entry }) => entry)), async (batch) => {
      const some = batch.map((entry) => byEntry.get(entry)!);
      const dueAt = earliest(some.map((one) => one.dueAt));
      try {
        const { outcomes } = await this.scripts.exchange(
          batch,
          dueAt === null ? {} : { tell: this.wakeUps.telling(dueAt) },
        );
        for (const [at, one] of some.entries()) settle(one, outcomes[at]!);
      } catch (error) {
        for (const { reject } of some) reject(error);
      }
    });
  }
}

function settle({ entry, resolve, reject }: Waiting, outcome: Outcome): void {
  if (outcome === 'exists') reject(new TaskConflictError(entry.id));
  else resolve();
}

function dueTimeOf({ definition, state }: TaskRecord): number | null {
  return dueTime(definition, state);
}

function earliest(times: readonly (number | null)[]): number | null {
  let first: number | null = null;
  for (const time of times) if (time !== null && (first === null || time < first)) first = time;
  return first;
}

function byTask(journal: readonly JournalEntry[]): Map<string | null, JournalEntry[]> {
  const groups = new Map<string | null, JournalEntry[]>();
  for (const entry of journal) groups.set(entry.taskId, [...(groups.get(entry.taskId) ?? []), entry]);
  return groups;
}
