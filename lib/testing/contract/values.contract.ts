import assert from 'node:assert/strict';
import type { TaskRecord } from '../../model/task.js';
import { claimDue } from '../store.steps.js';
import { startDue } from '../plan.fixtures.js';
import { assertRejects } from '../rejection.js';
import { assertSame, kindOf } from '../same-value.js';
import { idsOf } from '../store.bench.js';
import { makeRun, makeTask } from '../task.fixtures.js';
import type { ContractSection } from './contract.section.js';
import { writeRuns } from './history.contract.js';

/** One value of every kind that the default serializer keeps. */
const VALUES: Readonly<Record<string, unknown>> = {
  text: 'plain, "quoted", \\ back\nslashed, \u0000 nul, \u2028, ünïcode, 😀, \ud800 lone',
  empty: '',
  numbers: [0, -0, 1.5, -1e300, 5e-324, Number.MAX_SAFE_INTEGER, NaN, Infinity, -Infinity],
  bigint: [0n, -1n, 123_456_789_012_345_678_901_234_567_890n],
  flags: [true, false, null, undefined],
  date: new Date(1_577_880_000_123),
  map: new Map<unknown, unknown>([
    ['a', 1],
    [2, new Map([['deep', new Date(0)]])],
  ]),
  set: new Set([1, 'two', 3n]),
  bytes: new Uint8Array([0, 1, 127, 128, 255]),
  nested: { list: [{ of: [{ objects: [] }] }], undefined: undefined, 'a key': { '': 0 } },
};

/** The code of the refusal of what no store can keep. */
const REFUSED = 'ASYNCZ_UNSERIALIZABLE';

/** Ids that are legal and that some file system, key syntax, collation or prototype chain trips over. */
const IDS: readonly string[] = [
  '.',
  '..',
  '../../etc/passwd',
  '/',
  'a/b/c',
  'a\\b',
  'C:\\x',
  'nul',
  'CON.txt',
  ' ',
  ' leading',
  'trailing ',
  'two  spaces',
  'tab\tand\nnewline',
  'quote"\'`;--',
  '%41',
  '%',
  '_',
  '*',
  '?',
  '[a-z]',
  '{tag}',
  ':',
  'a:b',
  '#',
  '$where',
  'a.b',
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  'case',
  'Case',
  'CASE',
  'e\u0301',
  '\u00e9',
  'ß',
  'ss',
  '😀',
  '日本語',
  'x'.repeat(200),
  `${'x'.repeat(199)}y`,
  '😀'.repeat(50),
  'true',
  'null',
  '0',
  '-1',
  '1e3',
];

/** Does what a careless caller does to whatever it can reach. What refuses to be changed is as good. */
function vandalise(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  const target = value as Record<string, unknown>;
  const kind = kindOf(value);
  const children = kind === 'Map' ? [...(value as Map<unknown, unknown>).values()] : Object.values(target);
  const attempt = (work: () => unknown) => {
    try {
      work();
    } catch {
      // It is frozen.
    }
  };
  for (const child of children) vandalise(child);
  if (kind === 'Map' || kind === 'Set') attempt(() => (value as Set<unknown>).clear());
  else if (kind === 'Date') attempt(() => (value as Date).setTime(0));
  else if (ArrayBuffer.isView(value)) attempt(() => (value as Uint8Array).fill(9));
  else if (Array.isArray(value)) attempt(() => value.push('vandal'));
  else
    for (const key of Object.keys(target)) {
      attempt(() => {
        if (typeof target[key] !== 'object') target[key] = 'vandal';
      });
    }
}

function richTask(now: number): TaskRecord {
  return makeTask('a', {
    args: [{ list: [1, 2] }, new Map([['k', 'v']]), new Date(7), new Uint8Array([1, 2, 3])],
    tags: ['one'],
    trigger: { type: 'cron', options: { nested: ['x'] } },
    nextRunTime: now - 1,
    policies: { retry: { attempts: 3, backoff: 'fixed', delayMs: 1, maxDelayMs: 2 } },
  });
}

export const VALUES_AND_IDS: ContractSection = {
  title: 'values and ids',
  tests: {
    ...Object.fromEntries(
      Object.entries(VALUES).map(([kind, value]) => [
        `keeps arguments and results: ${kind}`,
        async (bench): Promise<void> => {
          const store = await bench.open();
          const task = makeTask('a', { args: [value, { inside: value }] });
          await store.addTask(task);
          assertSame(await store.lookupTask('a'), task);
          const { tasks } = await store.query({}, { by: 'id', descending: false }, { offset: 0, limit: 1 });
          assertSame(tasks[0], task);
          const run = makeRun('r', { result: value });
          await writeRuns(store, [run]);
          assertSame((await store.runs({}, { limit: 1 })).runs[0], run);
        },
      ]) as [string, ContractSection['tests'][string]][],
    ),

    'refuses arguments that cannot be written, and changes nothing': async (bench) => {
      const store = await bench.open();
      const now = await store.now();
      const unwritable = (id: string) => makeTask(id, { nextRunTime: now, args: [{ callback: () => 1 }] });
      await assertRejects(() => store.addTask(unwritable('a')), REFUSED);
      await assertRejects(() => store.addTasks([unwritable('a')]), REFUSED);
      const trigger = { type: 'date', runAt: new Date(5) };
      await assertRejects(() => store.addTask(makeTask('a', { trigger })), REFUSED);
      assertSame([...(await store.getAllTasks())], []);
      const kept = makeTask('a', { nextRunTime: now + 1, args: ['kept'] });
      await store.addTask(kept);
      await assertRejects(() => store.updateTask({ ...unwritable('a'), version: 2 }, 1), REFUSED);
      await assertRejects(
        () =>
          store.transact({ ids: ['a'] }, (task) => ({
            task: { ...task, definition: unwritable('a').definition },
            history: [makeRun('r', { taskId: 'a' })],
            value: null,
          })),
        REFUSED,
      );
      assertSame(await store.lookupTask('a'), kept);
      assert.equal(await store.getNextRunTime(), now + 1);
    },

    'refuses a task that is larger than allowed, and changes nothing': async (bench) => {
      const store = await bench.open({ maxPayloadBytes: 2_000 });
      await assertRejects(
        () => store.addTask(makeTask('a', { args: ['x'.repeat(3_000)] })),
        'ASYNCZ_PAYLOAD_TOO_LARGE',
      );
      assertSame([...(await store.getAllTasks())], []);
      await store.addTask(makeTask('a', { args: ['x'] }));
    },

    'keeps a run whose result cannot be written, with a note in its place': async (bench) => {
      const store = await bench.open();
      await writeRuns(store, [makeRun('r', { result: () => 1 })]);
      const [run] = (await store.runs({}, { limit: 5 })).runs;
      assert.equal(run?.status, 'succeeded');
      assert.notEqual(typeof run.result, 'function');
    },

    'keeps large arguments': async (bench) => {
      const store = await bench.open();
      const task = makeTask('a', {
        args: ['0123456789abcdef'.repeat(6_000), Array.from({ length: 5_000 }, (_, at) => at)],
      });
      await store.addTask(task);
      assertSame(await store.lookupTask('a'), task);
    },

    'keeps apart whatever ids there are': async (bench) => {
      const store = await bench.open();
      const now = await store.now();
      const tasks = IDS.map((id, at) => makeTask(id, { nextRunTime: now - IDS.length + at, args: [at] }));
      for (const task of tasks) await store.addTask(task);
      assertSame(idsOf(await store.getAllTasks()), [...IDS]);
      for (const task of tasks) assertSame(await store.lookupTask(task.id), task, JSON.stringify(task.id));
      assertSame([...(await store.addTasks(tasks))], [...IDS]);
      const { committed, missing } = await store.transact({ ids: IDS }, (task) => ({
        task,
        history: [],
        value: task.id,
      }));
      assertSame([...missing], []);
      assertSame(committed.map(({ value }) => value).sort(), [...IDS].sort());
      const request = { limit: 100, handlers: null, owner: 'x', leaseMs: 600_000 };
      const { claimed } = await claimDue(store, request, startDue('x', 600_000));
      assertSame(idsOf(claimed), [...IDS]);
      for (const [at, id] of IDS.entries()) {
        assert.equal(await store.deleteTask(id), true, JSON.stringify(id));
        assert.equal((await store.getAllTasks()).length, IDS.length - at - 1);
      }
      assert.equal(({} as Record<string, unknown>).args, undefined, 'the prototype of all objects was touched');
    },

    'keeps handlers, names, tags and owners of any kind': async (bench) => {
      const store = await bench.open();
      const now = await store.now();
      const odd = IDS.filter((text) => text.trim() === text && text.length < 100);
      const tasks = odd.map((text, at) =>
        makeTask(`t${at}`, { handler: text, name: text, tags: [text], nextRunTime: now - 1 }),
      );
      await store.addTasks(tasks);
      for (const [at, text] of odd.entries()) {
        const id = `t${at}`;
        const where = JSON.stringify(text);
        assertSame(await store.lookupTask(id), tasks[at]);
        const page = { offset: 0, limit: 100 };
        const sort = { by: 'id', descending: false } as const;
        assertSame(idsOf((await store.query({ handler: text }, sort, page)).tasks), [id], `handler ${where}`);
        assertSame(idsOf((await store.query({ tag: text }, sort, page)).tasks), [id], `tag ${where}`);
        const request = { limit: 9, handlers: [text], owner: text, leaseMs: 600_000 };
        const { claimed } = await claimDue(store, request, startDue(text, 600_000));
        assertSame(idsOf(claimed), [id], `claims of ${where}`);
        assert.equal((await bench.task(store, id)).state.live[0]!.owner, text);
      }
    },

    'is not changed by what happens to a task after it was handed in': async (bench) => {
      const store = await bench.open();
      const now = await store.now();
      const added = richTask(now);
      await store.addTask(added);
      vandalise(added);
      assertSame(await store.lookupTask('a'), richTask(now));
      const updated = { ...richTask(now), version: 2 };
      await store.updateTask(updated, 1);
      vandalise(updated);
      assertSame(await store.lookupTask('a'), { ...richTask(now), version: 2 });
      assertSame(idsOf(await store.getDueTasks(now)), ['a']);
    },

    'is not changed by what happens to a task that it gave': async (bench) => {
      const store = await bench.open();
      const now = await store.now();
      await store.addTask(richTask(now));
      vandalise(await store.lookupTask('a'));
      vandalise(await store.getAllTasks());
      vandalise(await store.getDueTasks(now));
      vandalise(await store.query({}, { by: 'id', descending: false }, { offset: 0, limit: 1 }));
      assertSame(await store.lookupTask('a'), richTask(now));
      const request = { limit: 9, handlers: null, owner: 'x', leaseMs: 600_000 };
      const { claimed } = await claimDue(store, request, startDue('x', 600_000));
      const claim = structuredClone(claimed[0]!.task!);
      vandalise(claimed);
      assertSame(await store.lookupTask('a'), claim);
    },

    'is not changed by what happens to an ended run': async (bench) => {
      const store = await bench.open();
      const run = () =>
        makeRun('r', {
          result: { list: [1] },
          error: { name: 'E', message: 'm', code: null, stack: null, cause: null, errors: [] },
        });
      const written = run();
      await writeRuns(store, [written]);
      vandalise(written);
      vandalise(await store.runs({}, { limit: 1 }));
      assertSame((await store.runs({}, { limit: 1 })).runs[0], run());
    },
  },
};
