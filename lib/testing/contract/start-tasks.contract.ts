import assert from 'node:assert/strict';
import { INTERNAL_HANDLER, INTERNAL_PREFIX } from '../../model/definition.js';
import type { StartTaskKind } from '../../model/start-tasks.js';
import type { TaskRecord } from '../../model/task.js';
import { startTaskPages } from '../../stores/start-task.pages.js';
import type { Store } from '../../stores/store.interface.js';
import { assertSame } from '../same-value.js';
import { idsOf } from '../store.bench.js';
import { makeTask } from '../task.fixtures.js';
import { DEFAULT_POLICIES } from '../../model/task.policies.js';
import type { TaskFields } from '../task.fixtures.js';
import type { ContractSection } from './contract.section.js';

const STARTUP = { trigger: { type: 'startup' } } as const;
const SHUTDOWN = { trigger: { type: 'shutdown' } } as const;
const DECLARED = { origin: 'code' } as const;
const EXPECTED = { policies: { expect: { startWithinMs: 60_000, endWithinMs: null, everyAtLeastMs: null } } } as const;

const KINDS: readonly StartTaskKind[] = ['declared', 'startup', 'shutdown', 'expected'];

/** The ids of all tasks of a kind, in pages of some, sorted. */
async function find(store: Store, kind: StartTaskKind, limit = 100): Promise<string[]> {
  const ids: string[] = [];
  for await (const tasks of startTaskPages(store, kind, limit)) {
    assert.ok(tasks.length <= limit, 'more than were asked for');
    ids.push(...idsOf(tasks));
  }
  return ids.sort();
}

async function findEach(store: Store): Promise<Record<string, string[]>> {
  const found: Record<string, string[]> = {};
  for (const kind of KINDS) found[kind] = await find(store, kind);
  return found;
}

/** One task of each kind, one of two, and others. */
async function fill(store: Store): Promise<void> {
  await store.addTasks([
    makeTask('declared', { ...DECLARED, nextRunTime: 1 }),
    makeTask('declared startup', { ...DECLARED, ...STARTUP }),
    makeTask('startup', STARTUP),
    makeTask('shutdown', SHUTDOWN),
    makeTask('expected', { ...EXPECTED, trigger: { type: 'interval', minutes: 5 } }),
    makeTask('expected startup', { ...EXPECTED, ...DECLARED, ...STARTUP }),
    makeTask('other', { nextRunTime: 1 }),
    makeTask('Another', { tags: ['startup', 'declared'] }),
    makeTask(`${INTERNAL_PREFIX}kit`, { handler: INTERNAL_HANDLER, origin: 'internal', ...STARTUP }),
  ]);
}

async function change(store: Store, id: string, { state, ...fields }: TaskFields): Promise<void> {
  await store.transact({ ids: [id] }, (task) => ({
    task: {
      ...task,
      definition: { ...task.definition, ...fields } as TaskRecord['definition'],
      state: { ...task.state, ...state },
    },
    value: null,
  }));
}

/** What schedulers look for when they start and stop: `Store.startTasks`. */
export const START_TASKS: ContractSection = {
  title: 'tasks of a start',
  tests: {
    'finds what the code declares and what follows a start or a stop, as a lookup gives it, and nothing else': async (
      bench,
    ) => {
      const store = await bench.open();
      assertSame(await findEach(store), { declared: [], startup: [], shutdown: [], expected: [] });
      await fill(store);
      assertSame(await findEach(store), {
        declared: ['declared', 'declared startup', 'expected startup'],
        startup: ['declared startup', 'expected startup', 'startup'],
        shutdown: ['shutdown'],
        expected: ['expected'],
      });
      const { tasks } = await store.startTasks('declared', { limit: 100 });
      assertSame([...tasks], await Promise.all(idsOf(tasks).map((id) => store.lookupTask(id))));
    },

    'finds a task as it has become, and not one that was removed': async (bench) => {
      const store = await bench.open();
      await fill(store);
      await change(store, 'other', STARTUP);
      await change(store, 'startup', { trigger: { type: 'interval', minutes: 5 } });
      await change(store, 'shutdown', DECLARED);
      await change(store, 'expected', { policies: DEFAULT_POLICIES });
      await change(store, 'expected startup', { trigger: { type: 'interval', minutes: 5 } });
      await change(store, 'declared', { state: { pause: { at: 1, reason: null, actor: null } } });
      assertSame(await findEach(store), {
        declared: ['declared', 'declared startup', 'expected startup', 'shutdown'],
        startup: ['declared startup', 'other'],
        shutdown: ['shutdown'],
        expected: ['expected startup'],
      });
      const replaced = (await store.lookupTask('declared startup')) as TaskRecord;
      await store.updateTask(
        { ...replaced, version: replaced.version + 1, definition: makeTask('declared startup').definition },
        replaced.version,
      );
      await store.deleteTask('shutdown');
      await store.deleteTask('expected startup');
      await store.transact({ ids: ['other'] }, () => ({ task: null, value: null }));
      assertSame(await findEach(store), { declared: ['declared'], startup: [], shutdown: [], expected: [] });
      await store.addTasks([makeTask('other', DECLARED)]);
      assertSame(await findEach(store), { declared: ['declared', 'other'], startup: [], shutdown: [], expected: [] });
      await store.removeAllTasks();
      await store.addTasks([makeTask('declared', SHUTDOWN)]);
      assertSame(await findEach(store), { declared: [], startup: [], shutdown: ['declared'], expected: [] });
    },

    'finds each once by pages, although those of earlier pages are removed and others are added': async (bench) => {
      const store = await bench.open();
      const ids = Array.from({ length: 23 }, (_, at) => `t${String(at).padStart(2, '0')}`);
      await store.addTasks(ids.flatMap((id) => [makeTask(id, { ...DECLARED, ...STARTUP }), makeTask(`${id} other`)]));
      for (const kind of ['declared', 'startup'] as const) {
        for (const limit of [1, 5, 22, 23]) assertSame(await find(store, kind, limit), ids, `${kind} by ${limit}`);
      }
      const seen: string[] = [];
      for await (const tasks of startTaskPages(store, 'declared', 5)) {
        for (const { id } of tasks) await store.deleteTask(id);
        if (seen.length === 0) await store.addTasks([makeTask('a new one', DECLARED)]);
        seen.push(...idsOf(tasks));
      }
      assertSame(seen.filter((id) => id !== 'a new one').sort(), ids);
    },
  },
};
