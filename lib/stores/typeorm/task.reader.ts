import type { StoredTask, TaskRecord, UnreadableTask } from '../../model/task.js';
import { isUnreadable } from '../../model/task.js';
import type { TaskCodec } from '../../persistence/codec.interface.js';
import type { StoreContext } from '../store.interface.js';
import type { DueFilter } from '../selection.interface.js';
import { DamagedTasks } from './damaged.tasks.js';
import type { DueQuery } from './dialects/dialect.js';
import { storable, storableExcept, taskRow } from './sql/columns.js';
import type { Rows } from './sql/sql.js';
import type { Readability } from './sql/task.query.js';

/** Rows as tasks, sorted by whether they can be read. */
export interface ReadTasks {
  readonly tasks: TaskRecord[];
  readonly unreadable: UnreadableTask[];
}

/** Reads rows, reports what cannot be read, and remembers it so that it is in nobody's way. */
export class TaskReader {
  readonly #damaged: DamagedTasks;

  constructor(
    readonly codec: TaskCodec,
    readonly context: Pick<StoreContext, 'clock' | 'reportUnreadable'>,
  ) {
    this.#damaged = new DamagedTasks(context.clock);
  }

  read(record: Rows['records'][number]): StoredTask {
    const row = taskRow(record);
    const task = this.codec.decodeTask(row);
    if (isUnreadable(task)) {
      this.context.reportUnreadable(task);
      // The others are left out by how they are written.
      if (this.codec.readable().includes(row.codec)) this.#damaged.add(row.id);
    } else {
      this.#damaged.forget(row.id);
    }
    return task;
  }

  readAll(records: Rows['records']): ReadTasks {
    const tasks: TaskRecord[] = [];
    const unreadable: UnreadableTask[] = [];
    for (const record of records) {
      const task = this.read(record);
      if (isUnreadable(task)) unreadable.push(task);
      else tasks.push(task);
    }
    return { tasks, unreadable };
  }

  forget(id: string): void {
    this.#damaged.forget(id);
  }

  forgetAll(): void {
    this.#damaged.clear();
  }

  get readability(): Readability {
    return { codecs: this.codec.readable(), damaged: this.#damaged.ids() };
  }

  /** What a query for due tasks has to look for. */
  dueQuery({ handlers, notHandlers = [], except }: DueFilter): DueQuery {
    const { codecs, damaged } = this.readability;
    return {
      handlers: handlers?.map(storable) ?? null,
      notHandlers: notHandlers.map(storable),
      except: storableExcept(except),
      codecs,
      excluded: damaged,
    };
  }
}
