import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { MemoryStore, TaskNotFoundError } from 'nestjs-asyncz';
import type { Apply, Selection, Transacted } from 'nestjs-asyncz/store';
import { createRunning, settle } from '../../../support/scheduler.factory.js';
import { HOURLY } from '../../../support/task.factory.js';

/** Counts the changes of a task. */
class CountingStore extends MemoryStore {
  changes = 0;

  override transact<T>(selection: Selection, apply: Apply<T>): Transacted<T> {
    if ('ids' in selection && selection.ids.includes('a')) this.changes += 1;
    return super.transact(selection, apply);
  }
}

async function create() {
  const made = await createRunning(
    { work: () => new Promise(() => {}) },
    { store: new CountingStore(), startPaused: true },
  );
  await made.scheduler.addTask({ id: 'a', handler: 'work', trigger: HOURLY, history: 'none' });
  const store = made.store as CountingStore;
  store.changes = 0;
  return { ...made, store };
}

const ask = <T>(count: number, one: (n: number) => Promise<T>) =>
  Promise.all(Array.from({ length: count }, (_, n) => one(n)));

describe('runs of one task that are asked for at the same time', () => {
  it('are added in a few changes, each with its own id, and who asked for it', async () => {
    const { scheduler, store } = await create();
    const ids = await ask(3_000, (n) => scheduler.runTask('a', { actor: `n${n}` }));
    expect(new Set(ids).size).toBe(3_000);
    expect(store.changes).toBeLessThanOrEqual(5);
    const { live } = store.lookupTask('a')!.state;
    expect(live.map(({ id }) => id)).toEqual(ids);
    expect(live.map(({ request }) => request?.actor)).toEqual(Array.from({ length: 3_000 }, (_, n) => `n${n}`));
  });

  it('are refused, each of them, where the task is not there', async () => {
    const { scheduler } = await create();
    const errors = await ask(5, () => scheduler.runTask('none').catch((error: unknown) => error));
    for (const error of errors) expect(error).toBeInstanceOf(TaskNotFoundError);
    expect(await scheduler.runTask('a')).toContain('a@');
  });
});

describe('many waits that one signal ends', () => {
  it('have one listener of it, and leave none', async () => {
    const { scheduler } = await create();
    const controller = new AbortController();
    const waits = ask(30, () =>
      scheduler.waitForTask('a', { signal: controller.signal }).catch((error: unknown) => error),
    );
    await settle();
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(1);
    controller.abort(new Error('enough'));
    expect(new Set((await waits).map((error) => (error as Error).message))).toEqual(new Set(['enough']));
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
  });
});
