import { setTimeout } from 'node:timers/promises';
import type { StoreCapabilities, TaskRecord } from 'nestjs-asyncz/store';
import { SqliteStore } from './sqlite.store.js';

/** How long it waits until it asks again for the lock of the database, in milliseconds. */
const RETRY_MS = 2;

/** The same for the processes of one host: what goes through {@link exclusive} is a transaction of the database. */
export class SharedSqliteStore extends SqliteStore {
  override readonly capabilities: StoreCapabilities = {
    coordination: 'host',
    wakeUp: 'polled',
    transactionalAdds: false,
    durable: true,
  };

  protected override exclusive<T>(work: () => Promise<T>): Promise<T> {
    // The calls of this object take turns: it has one connection, and with it one transaction at a time.
    return super.exclusive(async () => {
      // A call from within the work of another one has its transaction already.
      if (this.table.inTransaction) return work();
      while (!this.table.begin()) await setTimeout(RETRY_MS);
      try {
        const result = await work();
        this.table.commit();
        return result;
      } catch (error) {
        this.table.rollback();
        throw error;
      }
    });
  }

  override addTask(task: TaskRecord): Promise<void> {
    return this.exclusive(async () => super.addTask(task));
  }

  override updateTask(task: TaskRecord, expectedVersion: number): Promise<void> {
    return this.exclusive(async () => super.updateTask(task, expectedVersion));
  }

  override deleteTask(id: string): Promise<boolean> {
    return this.exclusive(async () => super.deleteTask(id));
  }

  override removeAllTasks(): Promise<number> {
    return this.exclusive(async () => super.removeAllTasks());
  }
}
