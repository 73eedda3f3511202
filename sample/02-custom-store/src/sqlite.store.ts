import { TaskConflictError, VersionConflictError } from 'nestjs-asyncz';
import { BaseStore, isUnreadable } from 'nestjs-asyncz/store';
import type { Awaitable } from 'nestjs-asyncz';
import type { StoreContext, StoredTask, TaskCodec, TaskRecord, TaskRow } from 'nestjs-asyncz/store';
import { TaskTable } from './task.table.js';

/** Keeps tasks in a table of SQLite, for one process. Each of the eight methods is a statement or two. */
export class SqliteStore extends BaseStore {
  protected codec!: TaskCodec;
  protected table!: TaskTable;

  constructor(readonly file: string) {
    super();
  }

  override async start(context: StoreContext): Promise<void> {
    await super.start(context);
    this.codec = context.createCodec();
    this.table = new TaskTable(this.file);
  }

  override async shutdown(): Promise<void> {
    this.table.close();
    await super.shutdown();
  }

  addTask(task: TaskRecord): Awaitable<void> {
    if (!this.table.insert(this.codec.encodeTask(task))) throw new TaskConflictError(task.id);
  }

  lookupTask(id: string): StoredTask | null {
    const row = this.table.get(id);
    return row ? this.#decode(row) : null;
  }

  updateTask(task: TaskRecord, expectedVersion: number): Awaitable<void> {
    this.assertReplaceable(task.id, this.lookupTask(task.id), expectedVersion);
    const isWritten = this.table.replace(this.codec.encodeTask(task), expectedVersion);
    // Another process was faster, between the two statements.
    if (!isWritten) throw new VersionConflictError(task.id, expectedVersion, expectedVersion + 1);
  }

  deleteTask(id: string): Awaitable<boolean> {
    return this.table.delete(id);
  }

  removeAllTasks(): Awaitable<number> {
    return this.table.deleteAllBut('asyncz:');
  }

  getAllTasks(): readonly StoredTask[] {
    return this.sorted(this.table.all().map((row) => this.#decode(row)));
  }

  getDueTasks(now: number): readonly TaskRecord[] {
    const rows = Array.from(this.table.dueUntil(now));
    return this.dueOf(
      rows.map((row) => this.#decode(row)),
      now,
    );
  }

  getNextRunTime(): number | null {
    for (const row of this.table.dueUntil(Infinity)) if (!isUnreadable(this.#decode(row))) return row.dueAt;
    return null;
  }

  #decode(row: TaskRow): StoredTask {
    const task = this.codec.decodeTask(row);
    if (isUnreadable(task)) this.context.reportUnreadable(task);
    return task;
  }
}
