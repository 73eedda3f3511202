import { describe, expect, it } from 'vitest';
import { SettableClock } from '../../../lib/model/clock.js';
import { MemoryStore } from '../../../lib/stores/memory/memory.store.js';
import {
  createStoreContext,
  describeStore,
  makeTask,
  TestRunnerMissingError,
  until,
} from '../../../lib/testing/index.js';
import { resolveHooks } from '../../../lib/testing/test-hooks.js';
import { recordKit } from '../../support/kit.recorder.js';

describe('describeStore', () => {
  it('says what to hand over when no test runner is to be seen', () => {
    expect(() => describeStore('x', () => new MemoryStore())).toThrow(TestRunnerMissingError);
    expect(() => describeStore('x', () => new MemoryStore())).toThrow("import { describe, it } from 'vitest'");
  });

  it('takes the globals of a test runner that has them', () => {
    const globals = { describe: () => {}, it: () => {} };
    Object.assign(globalThis, globals);
    try {
      expect(resolveHooks('kit', {})).toEqual(globals);
      const own = () => {};
      expect(resolveHooks('kit', { it: own })).toEqual({ ...globals, it: own });
    } finally {
      Reflect.deleteProperty(globalThis, 'describe');
      Reflect.deleteProperty(globalThis, 'it');
    }
  });

  it('runs each rule once plain and once encrypted, unless told otherwise', () => {
    const titles: string[] = [];
    const names: string[] = [];
    const hooks = {
      describe: (title: string, body: () => void) => {
        titles.push(title);
        body();
      },
      it: (name: string) => names.push(name),
    };
    describeStore('mine', () => new MemoryStore(), hooks);
    expect(titles.filter((title) => title.startsWith('mine'))).toEqual(['mine, plain', 'mine, encrypted']);
    const both = names.length;
    names.length = 0;
    describeStore('mine', () => new MemoryStore(), { ...hooks, encryption: ['plain'] });
    expect(names.length).toBeGreaterThan(100);
    expect(both).toBeGreaterThan(2 * names.length);
  });

  it('fails a rule whose clean-up fails, and closes the stores all the same', async () => {
    const stores: MemoryStore[] = [];
    const verdicts = await recordKit(
      () => {
        const store = new MemoryStore();
        stores.push(store);
        return store;
      },
      {
        cleanup: () => {
          throw new Error('cannot clean up');
        },
      },
    );
    expect([...verdicts.values()].every((error) => error !== null)).toBe(true);
    expect(verdicts.get('tasks: gives null for an unknown id')).toEqual(new Error('cannot clean up'));
    for (const store of stores) expect(() => store.now()).toThrow('before it was started');
  });

  it('fails when a store says that adds can be transactional and no transaction is given to try it', async () => {
    class Boasting extends MemoryStore {
      override readonly capabilities = {
        coordination: 'process',
        wakeUp: 'polled',
        transactionalAdds: true,
        durable: false,
      } as const;
    }
    const verdicts = await recordKit(() => new Boasting(), {});
    const failed = [...verdicts].flatMap(([rule, error]) => (error ? [[rule, (error as Error).message]] : []));
    const why = 'The store says that adds can be transactional. Give the kit the option "transaction".';
    const rules = ['are there when it commits, and not when it rolls back', 'are many at once as well'];
    expect(failed).toEqual(rules.map((rule) => [`adds in the caller's transaction: ${rule}`, why]));
  });
});

describe('until', () => {
  it('gives what the condition gave', async () => {
    let calls = 0;
    expect(await until(() => (calls += 1) > 2 && 'there')).toBe('there');
    expect(calls).toBe(3);
  });

  it('moves a settable clock instead of waiting', async () => {
    const clock = new SettableClock(0);
    await until(() => clock.now() >= 100_000, { advance: (ms) => clock.advance(ms * 100) });
    expect(clock.now()).toBeGreaterThanOrEqual(100_000);
  });

  it('gives up, and says what it waited for', async () => {
    await expect(until(() => null, { what: 'Godot', timeoutMs: 30 })).rejects.toThrow('30 ms in vain for Godot');
  });

  it('passes on what the condition throws', async () => {
    await expect(until(() => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
  });
});

describe('createStoreContext', () => {
  it('starts a store without a scheduler', () => {
    const store = new MemoryStore();
    store.start(createStoreContext({ clock: new SettableClock(5) }));
    expect(store.now()).toBe(5);
  });

  it('encrypts with the keys that it is given, and limits the size', () => {
    const plain = createStoreContext().createCodec();
    const sealed = createStoreContext({ keys: 'a secret of more than sixteen bytes' }).createCodec();
    const task = makeTask('a', { args: ['hidden words'] });
    expect(plain.encodeTask(task).definition).toContain('hidden words');
    const row = sealed.encodeTask(task);
    expect(row.definition).not.toContain('hidden words');
    expect(sealed.decodeTask(row)).toEqual(task);
    expect(plain.decodeTask(row)).toMatchObject({ id: 'a', unreadable: 'wrong-key' });
    const small = createStoreContext({ maxPayloadBytes: 100 }).createCodec();
    expect(() => small.encodeTask(task)).toThrow('100 bytes');
  });
});
