import { describe, expect, it } from 'vitest';
import { MemoryStore } from 'nestjs-asyncz';
import type { DeclaredTask, SchedulerOptions } from 'nestjs-asyncz';
import type { Apply, Selection, Transacted } from 'nestjs-asyncz/store';
import { makeTask } from 'nestjs-asyncz/testing';
import { createScheduler, settle } from '../../../support/scheduler.factory.js';

/** A store that says how many tasks it was asked to give out at once. */
class CountingStore extends MemoryStore {
  given = 0;

  override getAllTasks() {
    return this.#count(super.getAllTasks());
  }

  override async query(...args: Parameters<MemoryStore['query']>) {
    const page = await super.query(...args);
    this.#count(page.tasks);
    return page;
  }

  override async startTasks(...args: Parameters<MemoryStore['startTasks']>) {
    const page = await super.startTasks(...args);
    this.#count(page.tasks);
    return page;
  }

  #count<T extends readonly unknown[]>(tasks: T): T {
    this.given += tasks.length;
    return tasks;
  }
}

const DECLARED: DeclaredTask[] = [
  { id: 'sweep', handler: 'work', trigger: { type: 'interval', hours: 1 } },
  { id: 'warm up', handler: 'work', trigger: { type: 'startup' } },
  { id: 'say goodbye', handler: 'work', trigger: { type: 'shutdown' } },
];

describe('a scheduler on a store with thousands of tasks of others', () => {
  it.each<SchedulerOptions['role']>(['worker', 'client'])(
    'starts and stops as a %s without reading them, and runs its own startup and shutdown tasks',
    async (role) => {
      const store = new CountingStore();
      const ran: string[] = [];
      const start = async (options: SchedulerOptions = {}) => {
        const { scheduler } = createScheduler(
          { work: (_args, { task }) => void ran.push(task.id) },
          { ...options, store },
        );
        scheduler.declareTasks(DECLARED);
        await scheduler.start();
        await settle();
        return scheduler;
      };
      const first = await start();
      await store.addTasks(Array.from({ length: 3_000 }, (_, at) => makeTask(`other ${at}`, { handler: 'other' })));
      await first.shutdown();
      store.given = 0;
      ran.length = 0;
      await (await start({ role })).shutdown();
      expect(ran).toEqual(role === 'worker' ? ['warm up', 'say goodbye'] : []);
      // The three tasks are looked at for orphans; one runs at the start, and one at the stop.
      expect(store.given).toBe(role === 'worker' ? 5 : 0);
    },
  );
});

describe('a scheduler whose tasks are as they were declared before', () => {
  it('reads each of them once at its start, and asks for no step of the store', async () => {
    const asked: string[] = [];
    class AskedStore extends CountingStore {
      override transact<T>(selection: Selection, apply: Apply<T>): Transacted<T> {
        if ('ids' in selection) asked.push(...selection.ids.filter((id) => id.startsWith('task ')));
        return super.transact(selection, apply);
      }
      override addTasks(tasks: Parameters<MemoryStore['addTasks']>[0]) {
        asked.push(...tasks.map(({ id }) => id).filter((id) => id.startsWith('task ')));
        return super.addTasks(tasks);
      }
    }
    const store = new AskedStore();
    const declared = Array.from({ length: 1_200 }, (_, at): DeclaredTask => ({
      id: `task ${at}`,
      handler: 'work',
      trigger: { type: 'interval', minutes: (at % 50) + 1 },
    }));
    const startWith = async (tasks: readonly DeclaredTask[]) => {
      const { scheduler } = createScheduler({ work: () => 1 }, { store });
      scheduler.declareTasks(tasks);
      await scheduler.start();
      const counted = { asked: asked.splice(0), given: store.given };
      store.given = 0;
      await scheduler.shutdown();
      store.given = 0;
      return counted;
    };
    expect((await startWith(declared)).asked).toHaveLength(1_200);
    expect(await startWith(declared)).toEqual({ asked: [], given: 1_200 });
    const changed = declared.map((task) => (task.id === 'task 7' ? { ...task, priority: 3 } : task));
    expect(await startWith(changed)).toEqual({ asked: ['task 7'], given: 1_200 });
  });
});
