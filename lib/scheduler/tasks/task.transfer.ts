import { InvalidOptionError } from '../../errors/input.errors.js';
import { listOf } from '../../errors/asyncz.error.js';
import { SchedulerNotRunningError } from '../../errors/scheduler.errors.js';
import { TaskConflictError } from '../../errors/task.errors.js';
import { messageOf } from '../../errors/thrown.js';
import type { Attribution } from '../../model/attribution.js';
import type { Clock } from '../../model/clock.js';
import { INTERNAL_PREFIX } from '../../model/definition.js';
import { namesOf } from '../../model/names.js';
import { isUnreadable } from '../../model/task.js';
import type { StoredTask, TaskRecord } from '../../model/task.js';
import type { TaskCodec, TaskRow } from '../../persistence/codec.interface.js';
import { addAllJournaled } from '../../stores/journaled.js';
import type { JournalNotes } from '../plan/journal.notes.js';
import { checkCall } from './call.options.js';
import { requestOf } from './control.options.js';
import { replaceTasks } from './replace.tasks.js';
import type { StoreContexts } from './store.contexts.js';
import type { StoreHandle } from './store.handle.js';
import type { StoreRegistry } from './store.registry.js';
import type { ExportOptions, ImportOptions, ImportResult, UnreadLine } from './transfer.info.js';

const FORMAT = 1;

/** How many tasks are read or written at once. */
const BATCH = 200;

/** How many ids and faults a result lists. */
const MAX_LISTED = 1_000;

/** What a line is longer than its record, in characters: the columns beside definition and state. */
const LINE_OVERHEAD = 65_536;

const EXPORT_OPTIONS = namesOf<keyof ExportOptions>({ store: 0, decrypt: 0 });
const IMPORT_OPTIONS = namesOf<keyof ImportOptions>({ store: 0, onConflict: 0, dryRun: 0, actor: 0, reason: 0 });
const ON_CONFLICT = namesOf<NonNullable<ImportOptions['onConflict']>>({ fail: 0, skip: 0, replace: 0 });

interface TransferServices {
  readonly name: string;
  readonly clock: Clock;
  readonly maxRecordBytes: number;
  readonly notes: JournalNotes;
  readonly stores: StoreRegistry;
  readonly contexts: Pick<StoreContexts, 'of'>;
}

/** Writes the tasks of a store as lines of JSON, and reads them into any other: behind `exportTasks` and `importTasks`. */
export class TaskTransfer {
  constructor(private readonly services: TransferServices) {}

  /** Checks the options at once, and reads when it is asked for the first line. */
  export(options: ExportOptions = {}): AsyncGenerator<string, void, undefined> {
    checkCall('exportTasks', options, EXPORT_OPTIONS);
    const { store = 'default', decrypt = false } = options;
    if (typeof decrypt !== 'boolean') throw new InvalidOptionError('decrypt', decrypt, 'true or false');
    return this.#lines(this.#open(store, 'exportTasks'), decrypt);
  }

  async *#lines(handle: StoreHandle, decrypt: boolean): AsyncGenerator<string, void, undefined> {
    const { name, clock, contexts } = this.services;
    const codec = contexts.of(handle.alias).createCodec({ encrypt: !decrypt });
    yield JSON.stringify({
      asyncz: 'tasks',
      version: FORMAT,
      scheduler: name,
      at: new Date(clock.now()).toISOString(),
    });
    let tasks = 0;
    let unreadable = 0;
    for await (const batch of batchesOf(handle)) {
      for (const task of batch) {
        const line = lineOf(task, codec);
        if ('task' in line) tasks += 1;
        else unreadable += 1;
        yield JSON.stringify(line);
      }
    }
    yield JSON.stringify({ end: { tasks, unreadable } });
  }

  async import(lines: AsyncIterable<string> | Iterable<string>, options: ImportOptions = {}): Promise<ImportResult> {
    checkCall('importTasks', options, IMPORT_OPTIONS);
    const { store = 'default', onConflict = 'fail', dryRun = false } = options;
    if (!ON_CONFLICT.includes(onConflict)) throw new InvalidOptionError('onConflict', onConflict, listOf(ON_CONFLICT));
    if (typeof dryRun !== 'boolean') throw new InvalidOptionError('dryRun', dryRun, 'true or false');
    const handle = this.#open(store, 'importTasks');
    const request = requestOf(options);
    const reader = new LineReader(this.services.contexts.of(store).createCodec(), this.services.maxRecordBytes);
    const counts = { added: 0, replaced: 0, skipped: 0 };
    const skippedIds: string[] = [];
    const write = async (tasks: readonly TaskRecord[]) => {
      const taken = dryRun ? await takenIds(handle, tasks) : await this.#addOrFind(handle, tasks, onConflict, request);
      counts.added += tasks.length - taken.length;
      if (taken.length > 0 && onConflict === 'fail') throw new TaskConflictError(taken[0]!, `the store "${store}"`);
      if (onConflict === 'replace') counts.replaced += taken.length;
      else counts.skipped += taken.length;
      if (onConflict === 'skip') skippedIds.push(...taken.slice(0, MAX_LISTED - skippedIds.length));
    };
    let batch: TaskRecord[] = [];
    for await (const line of lines) {
      const task = reader.read(line);
      if (task) batch.push(task);
      if (batch.length < BATCH) continue;
      await write(batch);
      batch = [];
    }
    if (batch.length > 0) await write(batch);
    const { isComplete, unread, unreadCount } = reader;
    return { ...counts, skippedIds, unreadable: unreadCount, faults: unread, complete: isComplete, dryRun };
  }

  /** Adds tasks. Returns the ids that were there, which are replaced where that is asked for. */
  async #addOrFind(
    handle: StoreHandle,
    tasks: readonly TaskRecord[],
    onConflict: NonNullable<ImportOptions['onConflict']>,
    request: Attribution,
  ): Promise<readonly string[]> {
    const { notes } = this.services;
    const journal = tasks.flatMap((task) => notes.added(task, request));
    const taken = await addAllJournaled(handle.store, tasks, { journal });
    handle.wakeSelf();
    if (onConflict !== 'replace' || taken.length === 0) return taken;
    const ids = new Set(taken);
    const there = tasks.filter(({ id }) => ids.has(id));
    await replaceTasks(handle, there, undefined, notes, journal);
    return taken;
  }

  /** @throws UnknownNameError, SchedulerNotRunningError */
  #open(alias: string, operation: string): StoreHandle {
    const handle = this.services.stores.get(alias);
    if (!handle.opened) throw new SchedulerNotRunningError(operation);
    return handle;
  }
}

/** Reads lines one after the other, and takes notice of those that it cannot read. */
class LineReader {
  isComplete = false;
  unreadCount = 0;
  readonly unread: UnreadLine[] = [];
  #number = 0;
  #tasks = 0;

  constructor(
    private readonly codec: TaskCodec,
    private readonly maxRecordBytes: number,
  ) {}

  /** The task of a line; null where there is none. @throws InvalidOptionError For what is no export of this format. */
  read(line: string): TaskRecord | null {
    this.#number += 1;
    if (typeof line !== 'string') throw new InvalidOptionError(`line ${this.#number}`, line, 'a text');
    if (line.trim() === '') return null;
    if (line.length > 2 * this.maxRecordBytes + LINE_OVERHEAD) return this.#refuse(null, 'the line is too long');
    const value = parse(line);
    if (this.#number === 1) return this.#readHeader(value);
    if (value === null) return this.#refuse(null, 'the line is no JSON object');
    if (isObject(value.end)) {
      this.isComplete = value.end.tasks === this.#tasks;
      return null;
    }
    this.#tasks += 1;
    if (isObject(value.unreadable)) {
      this.#tasks -= 1;
      const { id, message } = value.unreadable;
      return this.#refuse(
        typeof id === 'string' ? id : null,
        `it was unreadable when it was exported: ${String(message)}`,
      );
    }
    return this.#readTask(value.task);
  }

  #readHeader(value: Readonly<Record<string, unknown>> | null): null {
    if (value?.asyncz !== 'tasks') throw new InvalidOptionError('line 1', value, 'the header that exportTasks writes');
    if (value.version !== FORMAT) throw new InvalidOptionError('version', value.version, String(FORMAT));
    return null;
  }

  #readTask(row: unknown): TaskRecord | null {
    const id = isObject(row) && typeof row.id === 'string' ? row.id : null;
    if (id === null || id.startsWith(INTERNAL_PREFIX)) return this.#refuse(id, 'the line has no task');
    try {
      const task = this.codec.decodeTask(row as unknown as TaskRow);
      if (isUnreadable(task)) return this.#refuse(id, `${task.unreadable}: ${task.message}`);
      return task.definition.origin === 'internal' ? this.#refuse(id, 'it is no task') : { ...task, version: 1 };
    } catch (error) {
      return this.#refuse(id, messageOf(error));
    }
  }

  #refuse(taskId: string | null, message: string): null {
    this.unreadCount += 1;
    if (this.unread.length < MAX_LISTED) this.unread.push({ line: this.#number, taskId, message });
    return null;
  }
}

/** All tasks by id, page by page, unreadable ones too: whatever is added and removed meanwhile, the others are there once. */
async function* batchesOf({ store }: StoreHandle): AsyncGenerator<readonly StoredTask[]> {
  const sort = { by: 'id', descending: false } as const;
  for (let after: string | undefined; ;) {
    const { tasks } = await store.query(after === undefined ? {} : { after }, sort, { offset: 0, limit: BATCH });
    if (tasks.length > 0) yield tasks;
    if (tasks.length < BATCH) return;
    after = tasks.at(-1)!.id;
  }
}

/** What cannot be written either is said, as what cannot be read. */
function lineOf(task: StoredTask, codec: TaskCodec): object {
  if (isUnreadable(task)) return { unreadable: { id: task.id, reason: task.unreadable, message: task.message } };
  try {
    return { task: codec.encodeTask({ ...task, version: 1 }) };
  } catch (error) {
    return { unreadable: { id: task.id, reason: 'unserializable', message: messageOf(error) } };
  }
}

async function takenIds({ store }: StoreHandle, tasks: readonly TaskRecord[]): Promise<readonly string[]> {
  const taken: string[] = [];
  for (const { id } of tasks) if ((await store.lookupTask(id)) !== null) taken.push(id);
  return taken;
}

function parse(line: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(line);
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
