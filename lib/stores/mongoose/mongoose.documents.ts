import type { mongo } from 'mongoose';
import { byDueKey } from '../../model/due-keys.js';
import type { SchedulerInstance } from '../../model/scheduler-instance.js';
import type { JournalRow, RunRow, TaskRow } from '../../persistence/codec.interface.js';

/** An ended run in the collection of runs; `_id` is made of run, attempt and token. */
export interface RunDocument extends RunRow {
  readonly _id: string;
}

/** An entry of the journal; `_id` is its id. */
export interface JournalDocument extends Omit<JournalRow, 'id'> {
  readonly _id: string;
}

/** A task. The columns that a claim needs are in one document with its live runs, so that a claim is one write. */
export interface TaskDocument extends Omit<TaskRow, 'id' | 'startTask'> {
  readonly _id: string;
  /** Its id, when schedulers look for it at their starts and stops; so that their index has no others. */
  readonly startTaskId?: string | null;
  /** `nextRunTime`, or {@link NO_TIME}, so that those without one come last, as MongoDB would have them first. */
  readonly nextRunOrder: number;
  /** `running`, `paused`, `finished` or `scheduled`. */
  readonly stateName: string;
  /** What `StoredTaskFilter.q` looks in: lower case. */
  readonly search: string;
  /** What texts are sorted by: lower case. */
  readonly order: {
    readonly name: string;
    readonly handler: string;
    readonly executor: string;
    readonly trigger: string;
  };
  /** Until when one claimer has it to itself, in milliseconds since the epoch; in the past for nobody. */
  readonly reservedUntil: number;
  readonly reservedBy: string | null;
  /**
   * The last few who wrote, the latest first: by this a writer knows its own write when the answer did not tell, and a
   * task that was removed and added again is not taken for the one before.
   */
  readonly writers: string;
  /** The last call of `exchange` that has written it: by this the call knows its own writes when it could not write all. */
  readonly exchangedBy?: string;
  /** Ended runs that were written with the last change and are still to be copied to the collection of runs. */
  readonly outbox?: readonly RunDocument[];
  /** Who wrote the outbox. */
  readonly outboxBy?: string;
  /** When, by the server's clock. */
  readonly outboxAt?: number;
  /** Set when the task was removed and its outbox is still to be copied: it is not there for anybody else. */
  readonly gone?: true;
}

/** A scheduler's heartbeat; `_id` is its identity. */
export interface MemberDocument extends SchedulerInstance {
  readonly _id: string;
}

/** A wake-up for other processes, where the server has change streams. */
export interface WakeDocument {
  readonly at: Date;
  readonly sender: string;
  readonly dueAt: number;
}

/** Later than any time there is. */
export const NO_TIME = Number.MAX_SAFE_INTEGER;

/** Earlier than any time there is, and less than any priority: makes a condition that every number meets. */
export const ANY_NUMBER = { $gte: Number.MIN_SAFE_INTEGER };

/** Tasks that are there. */
export const PRESENT = { gone: null } as unknown as mongo.Filter<TaskDocument>;

/** How long a wake-up is kept that all have long seen, in seconds. */
const WAKE_SECONDS = 60;

/** So that what is left out by a due key is walked over in the index. A key that stands in front of these stays there. */
const DUE_FIELDS: Readonly<Record<string, 1>> = byDueKey(() => 1 as const);

const TASK_INDEXES: readonly mongo.IndexDescription[] = [
  // A claim walks along it in its own order and reads no document that it does not take: from one priority it jumps to the
  // next as soon as nothing more is due there.
  {
    name: 'asyncz_due',
    key: { priority: 1, dueAt: 1, _id: 1, reservedUntil: 1, handler: 1, ...DUE_FIELDS, codec: 1 },
  },
  // A poll (when is the next one due?), and a claim of the oldest.
  { name: 'asyncz_next', key: { dueAt: 1, _id: 1, reservedUntil: 1, handler: 1, ...DUE_FIELDS, codec: 1 } },
  // The same while groups are full, for each of the others. A reservation changes nothing in them.
  { name: 'asyncz_group_due', key: { group: 1, priority: 1, dueAt: 1, _id: 1, handler: 1, ...DUE_FIELDS, codec: 1 } },
  { name: 'asyncz_group_next', key: { group: 1, dueAt: 1, _id: 1, handler: 1, ...DUE_FIELDS, codec: 1 } },
  { name: 'asyncz_list', key: { nextRunOrder: 1, _id: 1 } },
  { name: 'asyncz_start', key: { startTaskId: 1 }, sparse: true },
  { name: 'asyncz_outbox', key: { outboxBy: 1 }, sparse: true },
];

const RUN_INDEXES: readonly mongo.IndexDescription[] = [
  { name: 'asyncz_time', key: { endedAt: -1, id: 1, attempt: -1 } },
  { name: 'asyncz_task', key: { taskId: 1, endedAt: -1, id: 1, attempt: -1, status: 1 } },
  { name: 'asyncz_run', key: { id: 1 } },
  // Merged over several states it is in the order of the history, too: for what is dead, and for pruning.
  { name: 'asyncz_status', key: { status: 1, endedAt: -1, id: 1, attempt: -1, dead: 1 } },
];

/** By id, which is by time, there is one anyway. */
const JOURNAL_INDEXES: readonly mongo.IndexDescription[] = [{ name: 'asyncz_task', key: { taskId: 1, _id: -1 } }];

const WAKE_INDEXES: readonly mongo.IndexDescription[] = [
  { name: 'asyncz_expiry', key: { at: 1 }, expireAfterSeconds: WAKE_SECONDS },
];

/** The collections of one store. */
export interface Collections {
  readonly tasks: mongo.Collection<TaskDocument>;
  readonly runs: mongo.Collection<RunDocument>;
  readonly journal: mongo.Collection<JournalDocument>;
  readonly schedulers: mongo.Collection<MemberDocument>;
  readonly wakes: mongo.Collection<WakeDocument>;
}

/**
 * How documents are read and written, whatever the application's client is set to: numbers as numbers, from the primary,
 * and nothing acknowledged that a failover could take back.
 */
const OPTIONS: mongo.CollectionOptions = {
  promoteLongs: true,
  promoteValues: true,
  promoteBuffers: false,
  useBigInt64: false,
  ignoreUndefined: false,
  raw: false,
  readPreference: 'primary',
  readConcern: { level: 'local' },
  writeConcern: { w: 'majority' },
};

export function collectionsOf(database: mongo.Db, tasks: string): Collections {
  const stem = tasks.replace(/_tasks$/, '');
  return {
    tasks: database.collection(tasks, OPTIONS),
    runs: database.collection(`${stem}_runs`, OPTIONS),
    journal: database.collection(`${stem}_journal`, OPTIONS),
    schedulers: database.collection(`${stem}_schedulers`, OPTIONS),
    wakes: database.collection(`${stem}_wakes`, OPTIONS),
  };
}

/** Makes the collections and indexes that are not there. */
export async function createIndexes({ tasks, runs, journal, wakes }: Collections, withWakes: boolean): Promise<void> {
  await createMissing(tasks, TASK_INDEXES);
  await createMissing(runs, RUN_INDEXES);
  await createMissing(journal, JOURNAL_INDEXES);
  if (withWakes) await createMissing(wakes, WAKE_INDEXES);
}

/** The names of the indexes that a start makes and that are not there now, each behind the name of its collection. */
export async function missingIndexes(
  { tasks, runs, journal, wakes }: Collections,
  withWakes: boolean,
): Promise<string[]> {
  return [
    ...(await missingOf(tasks, TASK_INDEXES)),
    ...(await missingOf(runs, RUN_INDEXES)),
    ...(await missingOf(journal, JOURNAL_INDEXES)),
    ...(withWakes ? await missingOf(wakes, WAKE_INDEXES) : []),
  ];
}

async function missingOf<T extends object>(
  collection: mongo.Collection<T>,
  wanted: readonly mongo.IndexDescription[],
): Promise<string[]> {
  const there = new Set(await indexNames(collection));
  return wanted.flatMap(({ name }) => (there.has(name!) ? [] : `${collection.collectionName}.${name}`));
}

/** How often it is looked again when others make indexes at the same time and get in the way. */
const MAX_TRIES = 3;

/** Asks first: with its indexes there, a start needs no right to make any. */
async function createMissing<T extends object>(
  collection: mongo.Collection<T>,
  wanted: readonly mongo.IndexDescription[],
): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    const there = new Set(await indexNames(collection));
    const missing = wanted.filter(({ name }) => !there.has(name!));
    if (missing.length === 0) return;
    try {
      await collection.createIndexes([...missing]);
      return;
    } catch (error) {
      if (tries === MAX_TRIES) throw error;
    }
  }
}

async function indexNames<T extends object>(collection: mongo.Collection<T>): Promise<string[]> {
  try {
    return (await collection.indexes()).map(({ name }) => name!);
  } catch (error) {
    // There is no such collection yet.
    if ((error as { code?: number }).code === 26) return [];
    throw error;
  }
}
