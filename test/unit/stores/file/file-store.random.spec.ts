import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { standOf } from '../../../../lib/model/change.js';
import { isUnreadable } from '../../../../lib/model/task.js';
import { FileStore } from '../../../../lib/stores/file/file.store.js';
import { createStoreContext } from '../../../../lib/testing/store-context.js';
import { makeRun, makeTask } from '../../../../lib/testing/task.fixtures.js';
import { newFolder } from './file-store.fixture.js';

/** What may happen, in any order, in one of three processes. */
type Step =
  | { readonly kind: 'add'; readonly ids: readonly number[]; readonly due: boolean; readonly large: boolean }
  | { readonly kind: 'run'; readonly limit: number; readonly ends: boolean }
  | { readonly kind: 'rename' | 'delete'; readonly id: number }
  | { readonly kind: 'rest' | 'restart' | 'saveRun' };

const id = fc.nat(11);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant('add' as const),
    ids: fc.array(id, { minLength: 1, maxLength: 5 }),
    due: fc.boolean(),
    large: fc.boolean(),
  }),
  fc.record({ kind: fc.constant('run' as const), limit: fc.integer({ min: 1, max: 4 }), ends: fc.boolean() }),
  fc.record({ kind: fc.constantFrom('rename' as const, 'delete' as const), id }),
  fc.record({ kind: fc.constantFrom('rest' as const, 'restart' as const, 'saveRun' as const) }),
);

async function open(directory: string): Promise<FileStore> {
  const store = new FileStore({ directory, fsync: false });
  await store.start(createStoreContext());
  return store;
}

/** What is known of each task: its name and version. */
async function contentOf(store: FileStore): Promise<Record<string, string>> {
  const content: Record<string, string> = {};
  for (const task of await store.getAllTasks()) {
    content[task.id] = isUnreadable(task) ? task.message : `${task.definition.name} ${task.version}`;
  }
  return content;
}

/** Three stores on one folder, and what they have to hold. */
class Places {
  readonly expected = new Map<string, string>();
  readonly runs = new Set<string>();
  #runs = 0;

  constructor(
    private readonly directory: string,
    readonly stores: FileStore[],
  ) {}

  async take(at: number, done: Step): Promise<void> {
    const store = this.stores[at]!;
    if (done.kind === 'add') await this.#add(store, done);
    else if (done.kind === 'run') await this.#run(store, done);
    else if (done.kind === 'rename') await this.#rename(store, `t${done.id}`);
    else if (done.kind === 'delete')
      expect(await store.deleteTask(`t${done.id}`)).toBe(this.expected.delete(`t${done.id}`));
    else if (done.kind === 'saveRun') await this.#saveRun(store);
    else if (done.kind === 'rest') await new Promise((resolve) => setTimeout(resolve, 260));
    else await this.#restart(at);
  }

  async #add(store: FileStore, { ids, due, large }: Extract<Step, { kind: 'add' }>): Promise<void> {
    const distinct = [...new Set(ids)].map((number) => `t${number}`);
    const args = [large ? 'x'.repeat(120_000) : 'x'];
    const taken = await store.addTasks(distinct.map((name) => makeTask(name, { args, nextRunTime: due ? 1 : null })));
    expect([...taken].sort()).toEqual(distinct.filter((name) => this.expected.has(name)).sort());
    for (const name of distinct) if (!taken.includes(name)) this.expected.set(name, `${name} 1`);
  }

  /** Ends what it takes with its task or without, or gives it back as it was. */
  async #run(store: FileStore, { limit, ends }: Extract<Step, { kind: 'run' }>): Promise<void> {
    const { taken } = await store.exchange({ take: { handlers: null, limit, owner: 'x', leaseMs: 600_000 } });
    const write = taken!.tasks.map(({ task, lease }) => {
      const from = { ...standOf(task), version: task.version + 1, lastToken: lease.token };
      const state = { ...task.state, lastToken: lease.token };
      const run = makeRun(`run-${(this.#runs += 1)}`, { taskId: task.id });
      if (ends) this.runs.add(run.id);
      return { from, task: ends ? null : { ...task, state }, history: ends ? [run] : [] };
    });
    expect(await store.exchange({ write })).toEqual({ written: { lost: [], failed: [] }, taken: null });
    for (const { from } of write) {
      if (ends) this.expected.delete(from.id);
      else this.expected.set(from.id, `${this.expected.get(from.id)!.split(' ')[0]} ${from.version + 1}`);
    }
  }

  async #rename(store: FileStore, name: string): Promise<void> {
    const { committed } = await store.transact({ ids: [name] }, (task) => ({
      task: { ...task, definition: { ...task.definition, name: 'renamed' } },
      value: null,
    }));
    expect(committed.length).toBe(this.expected.has(name) ? 1 : 0);
    for (const { task } of committed) this.expected.set(name, `renamed ${task!.version}`);
  }

  async #saveRun(store: FileStore): Promise<void> {
    const run = makeRun(`run-${(this.#runs += 1)}`);
    this.runs.add(run.id);
    await store.saveRuns([run]);
  }

  async #restart(at: number): Promise<void> {
    await this.stores[at]!.shutdown();
    this.stores[at] = await open(this.directory);
  }
}

describe('several file stores on one folder', () => {
  it('show what all of them have done, whatever that was', { timeout: 300_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.nat(2), step), { minLength: 20, maxLength: 40 }), async (steps) => {
        const directory = newFolder();
        const places = new Places(directory, await Promise.all([open(directory), open(directory), open(directory)]));
        try {
          for (const [at, done] of steps) {
            await places.take(at, done);
            const content = Object.fromEntries(places.expected);
            for (const store of places.stores) expect(await contentOf(store)).toEqual(content);
          }
          const { runs } = await places.stores[0]!.runs({}, { limit: 1_000 });
          expect(runs.map((run) => run.id).sort()).toEqual([...places.runs].sort());
        } finally {
          for (const store of places.stores) await store.shutdown();
        }
        const heir = await open(directory);
        expect(await contentOf(heir)).toEqual(Object.fromEntries(places.expected));
        await heir.shutdown();
      }),
      { numRuns: 12 },
    );
  });
});
