import { describe, expect, it } from 'vitest';
import { AsyncExecutor, MemoryStore } from 'nestjs-asyncz';
import type { Handler } from 'nestjs-asyncz';
import type { Apply, Selection, Transacted } from 'nestjs-asyncz/store';
import { makeTask } from 'nestjs-asyncz/testing';
import { createScheduler, settle, START } from '../support/scheduler.factory.js';

/** A scheduler with room for one run, whose runs take until the clock has gone on by a second. */
async function startNarrow() {
  const order: string[] = [];
  const { scheduler, clock } = createScheduler(
    {
      work: async (_args, { task }) => {
        order.push(task.id);
        await new Promise<void>((resolve) => clock.schedule(resolve, 1_000));
      },
    },
    { executors: { default: new AsyncExecutor({ concurrency: 1 }) } },
  );
  await scheduler.start();
  const add = (id: string, dueAt: number, priority = 0) =>
    scheduler.addTask({ id, handler: 'work', priority, trigger: { type: 'date', runAt: new Date(START + dueAt) } });
  const second = async () => {
    clock.advance(1_000);
    await settle();
  };
  return { order, add, second };
}

describe('more due tasks than room', () => {
  it('lets the oldest due one go first within a priority, in whatever order they were added', async () => {
    const { order, add, second } = await startNarrow();
    await add('blocker', 0);
    await settle();
    for (const dueAt of [400, 100, 300, 200]) await add(`at-${dueAt}`, dueAt);
    for (let count = 0; count < 6; count += 1) await second();
    expect(order).toEqual(['blocker', 'at-100', 'at-200', 'at-300', 'at-400']);
  });

  it('starves none within a priority, though newer ones come faster than they can be run', async () => {
    const { order, add, second } = await startNarrow();
    await add('blocker', 0);
    await settle();
    await add('old', 500);
    for (let count = 0; count < 10; count += 1) {
      for (const part of ['a', 'b', 'c']) await add(`new-${count}${part}`, 1_000 * (count + 1));
      await second();
    }
    for (let count = 0; count < 30; count += 1) await second();
    const newer = Array.from({ length: 10 }, (_, count) => ['a', 'b', 'c'].map((part) => `new-${count}${part}`)).flat();
    expect(order).toEqual(['blocker', 'old', ...newer]);
  });

  it('lets a smaller number of priority go first, but starves none of a larger one', async () => {
    const { order, add, second } = await startNarrow();
    await add('blocker', 0, 0);
    await settle();
    await add('patient-2', 2, 9);
    await add('patient-1', 1, 1);
    for (let count = 0; count < 60; count += 1) {
      for (const part of ['a', 'b']) await add(`urgent-${count}${part}`, 1_000 * (count + 1), 0);
      await second();
    }
    const urgent = (id: string) => id.startsWith('urgent');
    const at = [order.indexOf('patient-1'), order.indexOf('patient-2')];
    expect(at[0]).toBeGreaterThan(1);
    expect(at[1]).toBeGreaterThan(at[0]!);
    // One claim in eight goes by age: after the two that wait the turn is the oldest urgent one's, as it is anyway.
    expect(at[1]).toBeLessThanOrEqual(20);
    expect(order.filter(urgent).length).toBeGreaterThan(55);
    while (order.length < 123) await second();
    await second();
  });
});

describe('a full executor', () => {
  const BACKLOG = 1_200;

  /** A scheduler whose executor `slow` has room for one run, which ends when it is told to, and more than enough to do. */
  async function startBehindBacklog() {
    const order: string[] = [];
    const ends: (() => void)[] = [];
    const slow: Handler = async (_args, { task, signal }) => {
      order.push(task.id);
      await new Promise<void>((resolve) => {
        ends.push(resolve);
        signal.addEventListener('abort', () => resolve());
      });
    };
    const store = new CountingStore();
    const { scheduler } = createScheduler(
      { slow, fast: (_args, { task }) => void order.push(task.id) },
      { store, executors: { default: new AsyncExecutor(), slow: new AsyncExecutor({ concurrency: 1 }) } },
    );
    await scheduler.start();
    const backlog = Array.from({ length: BACKLOG }, (_, at) =>
      makeTask(`slow-${at}`, {
        handler: 'slow',
        executor: 'slow',
        nextRunTime: START - BACKLOG + at,
        policies: { priority: -1, misfireGraceMs: null },
      }),
    );
    await store.addTasks(backlog);
    const add = (id: string) =>
      scheduler.addTask({ id, handler: 'fast', trigger: { type: 'date', runAt: new Date(START) } });
    const endOne = async () => {
      ends.shift()!();
      await settle();
    };
    return { order, add, endOne, store };
  }

  it('keeps no task of another one waiting, however many of its own are due before it', async () => {
    const { order, add, endOne } = await startBehindBacklog();
    await add('first');
    await settle();
    await add('second');
    await settle();
    expect(order).toEqual(['slow-0', 'first', 'second']);
    await endOne();
    await endOne();
    expect(order).toEqual(['slow-0', 'first', 'second', 'slow-1', 'slow-2']);
  });

  it('nor one that is full in each claim and has room again before the next', async () => {
    const order: string[] = [];
    const run: Handler = (_args, { task }) => void order.push(task.id);
    const store = new MemoryStore();
    const executors = { default: new AsyncExecutor(), narrow: new AsyncExecutor({ concurrency: 1 }) };
    const { scheduler } = createScheduler({ run }, { store, executors });
    const due = { handler: 'run', nextRunTime: START - 1 };
    const urgent = { ...due, executor: 'narrow', policies: { priority: -1 } };
    await scheduler.start();
    await store.addTasks([
      ...Array.from({ length: BACKLOG }, (_, at) => makeTask(`narrow-${at}`, urgent)),
      makeTask('other', due),
    ]);
    scheduler.pause();
    scheduler.resume();
    for (let turns = 0; order.length <= BACKLOG && turns < 1_000; turns += 1) await settle();
    expect(order.length).toBe(BACKLOG + 1);
    expect(order.indexOf('other')).toBeLessThan(10);
  });

  it('causes no claims while it is full', async () => {
    const { order, add, store } = await startBehindBacklog();
    await add('first');
    await settle();
    const before = store.claims;
    await settle();
    expect(store.claims).toBe(before);
    await add('second');
    await settle();
    expect(order).toEqual(['slow-0', 'first', 'second']);
    // One that finds it, one that sees that there is nothing else, and one when its run has ended.
    expect(store.claims - before).toBeLessThanOrEqual(3);
  });
});

class CountingStore extends MemoryStore {
  claims = 0;

  override transact<T>(selection: Selection, apply: Apply<T>): Transacted<T> {
    if ('due' in selection) this.claims += 1;
    return super.transact(selection, apply);
  }
}
