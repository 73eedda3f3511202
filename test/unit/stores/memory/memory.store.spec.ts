import { describe, expect, it } from 'vitest';
import { SettableClock } from '../../../../lib/model/clock.js';
import { UnserializableError } from '../../../../lib/errors/persistence.errors.js';
import { MemoryStore } from '../../../../lib/stores/memory/memory.store.js';
import { startDue } from '../../../../lib/testing/plan.fixtures.js';
import { createStoreContext } from '../../../../lib/testing/store-context.js';
import { makeRun, makeTask } from '../../../../lib/testing/task.fixtures.js';
import { claimDue } from '../../../../lib/testing/store.steps.js';

const NOW = 1_600_000_000_000;

function open(): MemoryStore {
  const store = new MemoryStore();
  store.start(createStoreContext({ clock: new SettableClock(NOW) }));
  return store;
}

const unwritable = (id: string) => makeTask(id, { args: [() => 1] });

describe('MemoryStore', () => {
  it('adds all of many tasks or none', async () => {
    const store = open();
    await expect(store.addTasks([makeTask('a'), unwritable('b'), makeTask('c')])).rejects.toThrow('"b"');
    expect(store.getAllTasks()).toEqual([]);
  });

  it('changes all of many tasks or none', () => {
    const store = open();
    for (const id of ['a', 'b']) store.addTask(makeTask(id));
    const change = () =>
      store.transact({ ids: ['a', 'b'] }, (task) => ({
        task: task.id === 'b' ? { ...task, definition: unwritable('b').definition } : task,
        history: [makeRun(task.id)],
        value: null,
      }));
    expect(change).toThrow('"b"');
    expect([store.lookupTask('a')!.version, store.lookupTask('b')!.version]).toEqual([1, 1]);
  });

  it('gives each run its own copy of the arguments', async () => {
    const store = open();
    const args = [{ list: [1] }];
    store.addTask(makeTask('a', { args, nextRunTime: NOW }));
    args[0]!.list.push(2);
    const { claimed } = await claimDue(store, { limit: 1, handlers: null }, startDue('x', 1_000));
    const [first] = claimed[0]!.task!.definition.args as [{ list: number[] }];
    first.list.push(3);
    expect(store.lookupTask('a')!.definition.args).toEqual([{ list: [1] }]);
  });

  it('gives out arguments that nobody can change, also those that went through the codec', () => {
    const store = open();
    store.addTask(makeTask('a', { args: [null] }));
    expect(() => (store.lookupTask('a')!.definition.args as unknown[]).push(1)).toThrow(TypeError);
    expect(store.lookupTask('a')!.definition.args).toEqual([null]);
  });

  it('does not freeze what was handed in', () => {
    const store = open();
    const task = makeTask('a', { tags: ['x'], trigger: { type: 'cron', options: { deep: [1] } } });
    store.addTask(task);
    expect(
      [task, task.state, task.definition, task.definition.tags, task.definition.trigger.options].map(Object.isFrozen),
    ).toEqual([false, false, false, false, false]);
  });

  it('freezes all of what a plan has made, also within what is frozen itself', () => {
    const store = open();
    store.addTask(makeTask('a'));
    const pause = { at: 1, actor: null, reason: 'kept' };
    store.transact({ ids: ['a'] }, (task) => ({
      task: { ...task, state: Object.freeze({ ...task.state, pause }) },
      value: null,
    }));
    expect(() => Object.assign(pause, { reason: 'changed' })).toThrow(TypeError);
    expect(store.lookupTask('a')!.state.pause).toMatchObject({ reason: 'kept' });
  });

  it('refuses what no durable store could keep, in the trigger too', () => {
    const store = open();
    expect(() => store.addTask(unwritable('a'))).toThrow(UnserializableError);
    expect(() => store.addTask(makeTask('a', { trigger: { type: 'own', at: new Date(5) } }))).toThrow(
      UnserializableError,
    );
    const trigger = JSON.parse('{ "type": "own", "__proto__": { "polluted": true } }') as never;
    expect(() => store.addTask(makeTask('a', { trigger }))).toThrow('__proto__');
    expect(store.getAllTasks()).toEqual([]);
  });

  it('lists tasks in the order of adding too, whatever was changed meanwhile', () => {
    const store = open();
    for (const id of ['c', 'a', 'b']) store.addTask(makeTask(id));
    store.updateTask({ ...makeTask('c', { nextRunTime: NOW }), version: 2 }, 1);
    expect(store.inOrderOfAdding().map(({ id }) => id)).toEqual(['c', 'a', 'b']);
  });

  it('needs no key, whatever the scheduler encrypts with', () => {
    const store = new MemoryStore();
    store.start(createStoreContext({ keys: 'a secret of more than sixteen bytes' }));
    store.addTask(makeTask('a', { args: ['x'] }));
    expect(store.lookupTask('a')!.definition.args).toEqual(['x']);
  });
});
