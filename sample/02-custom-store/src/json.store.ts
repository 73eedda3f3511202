import { TaskConflictError, TaskNotFoundError } from 'nestjs-asyncz';
import { BaseStore, isUnreadable } from 'nestjs-asyncz/store';
import type { StoreContext, StoredTask, TaskCodec, TaskRecord, TaskRow } from 'nestjs-asyncz/store';
import { JsonDocument } from './json.document.js';

/** Keeps tasks in one JSON file, for one process. The file is the only truth: edit it while the application runs. */
export class JsonStore extends BaseStore {
  readonly #document: JsonDocument;
  #codec!: TaskCodec;

  constructor(file = process.env.TASKS_FILE ?? 'var/custom-store/tasks.json') {
    super();
    this.#document = new JsonDocument(file);
  }

  override async start(context: StoreContext): Promise<void> {
    await super.start(context);
    this.#codec = context.createCodec();
    await this.#document.prepare();
  }

  addTask(task: TaskRecord): Promise<void> {
    return this.#change((rows) => {
      if (rows.has(task.id)) throw new TaskConflictError(task.id);
      rows.set(task.id, this.#codec.encodeTask(task));
    });
  }

  async lookupTask(id: string): Promise<StoredTask | null> {
    const row = (await this.#document.read()).get(id);
    return row ? this.#decode(row) : null;
  }

  updateTask(task: TaskRecord, expectedVersion: number): Promise<void> {
    return this.#change((rows) => {
      const row = rows.get(task.id);
      const stored = row && this.#decode(row);
      if (!stored || isUnreadable(stored)) throw new TaskNotFoundError(task.id);
      this.assertVersion(stored, expectedVersion);
      rows.set(task.id, this.#codec.encodeTask(task));
    });
  }

  deleteTask(id: string): Promise<boolean> {
    return this.#change((rows) => rows.delete(id));
  }

  removeAllTasks(): Promise<number> {
    return this.#change((rows) => {
      const count = rows.size;
      rows.clear();
      return count;
    });
  }

  async getAllTasks(): Promise<readonly StoredTask[]> {
    return this.sorted(await this.#readAll());
  }

  async getDueTasks(now: number): Promise<readonly TaskRecord[]> {
    return this.dueOf(await this.#readAll(), now);
  }

  async getNextRunTime(): Promise<number | null> {
    return this.earliestOf(await this.#readAll());
  }

  /** Reads, changes and writes, while no other change does. What throws leaves the file as it was. */
  #change<T>(change: (rows: Map<string, TaskRow>) => T): Promise<T> {
    return this.exclusive(async () => {
      const rows = await this.#document.read();
      const result = change(rows);
      await this.#document.write(rows);
      return result;
    });
  }

  async #readAll(): Promise<StoredTask[]> {
    return Array.from((await this.#document.read()).values(), (row) => this.#decode(row));
  }

  /** What cannot be read is told of, and stays as it is. */
  #decode(row: TaskRow): StoredTask {
    const task = this.#codec.decodeTask(row);
    if (isUnreadable(task)) this.context.reportUnreadable(task);
    return task;
  }
}
