import { VersionConflictError } from 'nestjs-asyncz';
import type {
  Apply,
  Change,
  Committed,
  FailedChange,
  Selection,
  StoreCapabilities,
  TaskRecord,
  Transacted,
  UnreadableTask,
} from 'nestjs-asyncz/store';
import { SqliteStore } from './sqlite.store.js';

/**
 * The same for a cluster, with nothing but conditional writes of one task each, as any shared database has them. SQLite
 * stands for such a database here, so that the sample needs no server.
 */
export class ConditionalWriteStore extends SqliteStore {
  override readonly capabilities: StoreCapabilities = {
    coordination: 'cluster',
    wakeUp: 'polled',
    transactionalAdds: false,
    durable: true,
  };

  override now(): number {
    return this.table.now();
  }

  override async transact<T>(selection: Selection, apply: Apply<T>): Promise<Transacted<T>> {
    const missing: string[] = [];
    const unreadable: UnreadableTask[] = [];
    const committed: Committed<T>[] = [];
    const left: TaskRecord[] = [];
    const failed: FailedChange[] = [];
    for (let rest = selection; ;) {
      const storeNow = this.now();
      const selected = await this.select(rest, storeNow);
      missing.push(...selected.missing);
      unreadable.push(...selected.unreadable);
      const lost: string[] = [];
      for (const task of selected.tasks) {
        try {
          const change = apply(
            task,
            storeNow,
            committed.map(({ value }) => value),
          );
          if (change) committed.push(await this.commit(task, change));
          else left.push(task);
        } catch (error) {
          if (error instanceof VersionConflictError) lost.push(task.id);
          else failed.push({ id: task.id, error });
        }
      }
      // Another scheduler has changed this due task first. If it is still due, the next claim finds it.
      if (lost.length === 0 || 'due' in selection) {
        if (failed[0] && committed.length === 0) throw failed[0].error;
        return { committed, left, missing, unreadable, failed, storeNow };
      }
      rest = { ids: lost };
    }
  }

  protected override async commit<T>(task: TaskRecord, change: Change<T>): Promise<Committed<T>> {
    const next = change.task && { ...change.task, version: task.version + 1 };
    const isWritten = next
      ? this.table.replace(this.codec.encodeTask(next), task.version)
      : this.table.delete(task.id, task.version);
    if (!isWritten) throw new VersionConflictError(task.id, task.version, task.version + 1);
    // After that: a change that lost leaves no ended runs behind.
    await this.saveRuns(change.history ?? []);
    return { id: task.id, task: next, value: change.value };
  }
}
