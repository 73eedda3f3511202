import type { mongo } from 'mongoose';
import { taskStateName } from '../../model/query.js';
import type { RunRecord } from '../../model/run.js';
import { isUnreadable } from '../../model/task.js';
import type { StoredTask, TaskRecord, UnreadableTask } from '../../model/task.js';
import type { TaskCodec, TaskRow, TaskStateRow } from '../../persistence/codec.interface.js';
import { historyKey } from '../run-history.js';
import type { DueFilter } from '../selection.interface.js';
import { ANY_NUMBER, NO_TIME } from './mongoose.documents.js';
import type { RunDocument, TaskDocument } from './mongoose.documents.js';
import { newToken } from './mongoose.writers.js';

/** Between two fields of the text that is searched; nobody types it. */
const SEPARATOR = '\u001f';

/** How many groups are named that are not full. MongoDB merges at most 200 parts of an index in their order. */
const MAX_MERGED_GROUPS = 100;

/** A task that can be read, with the document that it was read from. */
export interface Loaded {
  readonly task: TaskRecord;
  readonly document: TaskDocument;
}

/** What changes when a task's state changes. */
type StateFields = Omit<TaskStateRow, 'id'> &
  Pick<TaskDocument, 'nextRunOrder' | 'stateName' | 'reservedUntil' | 'reservedBy'>;

/** Reads and writes the documents of tasks and runs, and remembers which tasks are there and cannot be read. */
export class MongooseTasks {
  /** Of those whose column says that they could be read. */
  readonly #damaged = new Set<string>();

  constructor(
    readonly collection: mongo.Collection<TaskDocument>,
    private readonly codec: TaskCodec,
    private readonly report: (task: UnreadableTask) => void,
  ) {}

  decode(document: TaskDocument): StoredTask {
    const stored = this.codec.decodeTask({ ...document, id: document._id });
    const { id } = stored;
    if (!isUnreadable(stored)) {
      this.#damaged.delete(id);
      return stored;
    }
    if (this.codec.readable().includes(document.codec)) this.#damaged.add(id);
    this.report(stored);
    return stored;
  }

  /** Sorts documents into those that can be read and those that cannot. */
  load(documents: readonly TaskDocument[]): { loaded: Loaded[]; unreadable: UnreadableTask[] } {
    const loaded: Loaded[] = [];
    const unreadable: UnreadableTask[] = [];
    for (const document of documents) {
      const task = this.decode(document);
      if (isUnreadable(task)) unreadable.push(task);
      else loaded.push({ task, document });
    }
    return { loaded, unreadable };
  }

  /** The whole of a new task. @param writers Who writes it: those that are added together have the same. */
  documentOf(task: TaskRecord, writers = newToken()): TaskDocument {
    const { id, startTask, ...row } = this.codec.encodeTask(task);
    const start = startTask && { startTaskId: id };
    return { _id: id, ...row, ...start, ...definitionFields(id, row), ...stateFields(task, row), writers };
  }

  /** The fields to set; those of the definition only when it is another one. */
  changed(
    task: TaskRecord,
    before: Pick<TaskRecord, 'definition'> | null,
  ): StateFields | Omit<TaskDocument, '_id' | 'writers'> {
    if (before?.definition !== task.definition) {
      const { _id: _1, writers: _2, ...fields } = this.documentOf(task);
      return { startTaskId: null, ...fields };
    }
    const { id: _, ...row } = this.codec.encodeState(task);
    return { ...row, ...stateFields(task, row) };
  }

  runDocument(run: RunRecord): RunDocument {
    return { _id: historyKey(run), ...this.codec.encodeRun(run) };
  }

  /** Tasks whose column says that this process can read them. */
  get readable(): mongo.Filter<TaskDocument> {
    return { codec: { $in: [...this.codec.readable()] } };
  }

  /** Tasks that a scheduler asks for, that have a time at which they are due, and that nobody has reserved. */
  async claimable(
    { handlers, notHandlers = [], except = {} }: DueFilter,
    now: number,
    dueAt: object = ANY_NUMBER,
  ): Promise<mongo.Filter<TaskDocument>> {
    const { group = [] } = except;
    const leftOut = Object.entries(except).filter(([, values]) => values.length > 0);
    return {
      dueAt,
      reservedUntil: { $lte: now },
      ...this.readable,
      ...(handlers && { handler: { $in: [...handlers] } }),
      ...(notHandlers.length > 0 && { $nor: [{ handler: { $in: [...notHandlers] } }] }),
      ...Object.fromEntries(leftOut.map(([key, values]) => [key, { $nin: [...values] }])),
      ...(group.length > 0 && { group: await this.#groupsBut(group, dueAt) }),
    } as mongo.Filter<TaskDocument>;
  }

  /**
   * A condition that lets the tasks of full groups not pass. It names those groups that are left and have something due:
   * MongoDB merges their parts of the index, and walks over nothing of a full group, however much of it is due. Where too
   * many are left to be merged, it names the full ones.
   */
  async #groupsBut(full: readonly string[], dueAt: object): Promise<object> {
    const left = await this.collection
      .aggregate<{ _id: string }>([
        // From one group it jumps to the next.
        { $match: { group: { $gte: '', $nin: [...full] }, dueAt } },
        { $group: { _id: '$group' } },
        { $limit: MAX_MERGED_GROUPS + 1 },
      ])
      .toArray();
    if (left.length > MAX_MERGED_GROUPS) return { $nin: [...full] };
    return { $in: [null, ...left.map(({ _id }) => _id)] };
  }

  /**
   * The earliest due time of the readable tasks that a filter finds. Those that turn out to be damaged are read past,
   * however many there are.
   */
  async earliest(filter: mongo.Filter<TaskDocument>): Promise<number | null> {
    for (let skip = 0; ;) {
      const limit = 1 + this.#damaged.size;
      const found = await this.collection.find(filter).sort({ dueAt: 1 }).skip(skip).limit(limit).toArray();
      const first = this.load(found).loaded[0];
      if (first) return first.document.dueAt;
      if (found.length < limit) return null;
      skip += found.length;
    }
  }

  /** How many more have to be read so that damaged ones are not in the way. */
  get damagedCount(): number {
    return this.#damaged.size;
  }

  /** The ids of the damaged ones, those left out that were repaired or removed since. */
  async damaged(): Promise<string[]> {
    const known = [...this.#damaged];
    if (known.length === 0) return known;
    const documents = await this.collection.find({ _id: { $in: known } }).toArray();
    this.#damaged.clear();
    for (const document of documents) if (!document.gone) this.decode(document);
    return [...this.#damaged];
  }
}

function definitionFields(id: string, row: Omit<TaskRow, 'id'>): Pick<TaskDocument, 'search' | 'order'> {
  const [name, handler, executor, trigger] = [row.name, row.handler, row.executor, row.trigger].map(lower);
  return {
    search: [id.toLowerCase(), name, handler, executor, trigger].join(SEPARATOR),
    order: { name: name!, handler: handler!, executor: executor!, trigger: trigger! },
  };
}

function lower(text: string): string {
  return text.toLowerCase();
}

function stateFields(task: TaskRecord, { nextRunTime }: Pick<TaskRow, 'nextRunTime'>) {
  return {
    nextRunOrder: nextRunTime ?? NO_TIME,
    stateName: taskStateName(task),
    // Whoever writes a task has done what it was reserved for.
    reservedUntil: 0,
    reservedBy: null,
  };
}
