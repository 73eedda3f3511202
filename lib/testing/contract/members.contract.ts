import assert from 'node:assert/strict';
import { INTERNAL_PREFIX } from '../../model/definition.js';
import type { SchedulerInstance } from '../../model/scheduler-instance.js';
import { internalRecord, withArgs } from '../../stores/internal.record.js';
import type { Store } from '../../stores/store.interface.js';
import { assertSame } from '../same-value.js';
import { idsOf } from '../store.bench.js';
import type { StoreBench } from '../store.bench.js';
import { makeTask } from '../task.fixtures.js';
import type { ContractSection } from './contract.section.js';

function member(identity: string, fields: Partial<SchedulerInstance> = {}): SchedulerInstance {
  return {
    identity,
    name: 'default',
    role: 'worker',
    host: 'host-1',
    pid: 4_242,
    version: '1.0.0',
    startedAt: 1_577_880_000_123,
    heartbeatAt: 0,
    stores: ['default'],
    executors: [
      { alias: 'default', running: 3, room: 97 },
      { alias: 'threads', running: 0, room: null },
    ],
    handlers: ['a', 'ünï "quoted"'],
    running: 3,
    inputs: 'a-digest',
    clockOffsetMs: -17,
    drain: { at: 1_577_880_000_456, actor: 'ops', reason: null },
    ...fields,
  };
}

/** Adds what is due until the other scheduler is woken: how soon that is, no store promises. */
async function wakesOthers(
  bench: StoreBench,
  add: (store: Store, round: number, at: number) => unknown,
): Promise<void> {
  const store = await bench.open();
  const other = await bench.other(store);
  if (store.capabilities.wakeUp !== 'pushed') return;
  let calls = 0;
  other.onWake(() => (calls += 1));
  const at = await store.now();
  let round = 0;
  await bench.until(async () => {
    round += 1;
    await add(store, round, at);
    return calls > 0;
  }, 'the other scheduler to be woken');
}

export const MEMBERS: ContractSection = {
  title: 'schedulers and wake-ups',
  tests: {
    "keeps each scheduler's last heartbeat, by the store's clock": async (bench) => {
      const store = await bench.open();
      const other = await bench.other(store);
      assertSame([...(await store.schedulers())], []);
      const before = await store.now();
      await store.heartbeat(member('one'));
      await other.heartbeat(member('two', { role: 'client', running: 0, handlers: [] }));
      await store.heartbeat(member('one', { running: 7 }));
      const after = await store.now();
      const members = [...(await other.schedulers())].sort((a, b) => (a.identity < b.identity ? -1 : 1));
      for (const { heartbeatAt } of members) assert.ok(heartbeatAt >= before && heartbeatAt <= after);
      assertSame(
        members,
        [member('one', { running: 7 }), member('two', { role: 'client', running: 0, handlers: [] })].map(
          (expected, at) => Object.assign(expected, { heartbeatAt: members[at]?.heartbeatAt }),
        ),
      );
    },

    'forgets a scheduler that has stopped, and no other': async (bench) => {
      const store = await bench.open();
      await store.heartbeat(member('one'));
      await store.heartbeat(member('two'));
      await store.retire('one');
      await store.retire('never seen');
      assertSame(
        [...(await store.schedulers())].map(({ identity }) => identity),
        ['two'],
      );
    },

    'loses no heartbeat when many come at the same time': async (bench) => {
      const store = await bench.open();
      const other = await bench.other(store);
      const identities = Array.from({ length: 10 }, (_, at) => `s${at}`);
      await Promise.all(identities.map(async (identity, at) => (at % 2 ? other : store).heartbeat(member(identity))));
      assertSame((await store.schedulers()).map(({ identity }) => identity).sort(), identities);
    },

    'keeps heartbeats and internal records when all tasks are removed': async (bench) => {
      const store = await bench.open();
      const id = `${INTERNAL_PREFIX}kit`;
      await store.heartbeat(member('one'));
      await store.addTasks([internalRecord(id, 'a record of the conformance kit', ['kept'], 0), makeTask('a')]);
      assert.equal(await store.removeAllTasks(), 1);
      assert.equal(await store.lookupTask('a'), null);
      assertSame(
        [...(await store.schedulers())].map(({ identity }) => identity),
        ['one'],
      );
      assertSame([...(await bench.task(store, id)).definition.args], ['kept']);
      const { committed } = await store.transact({ ids: [id] }, (record) => withArgs(record, ['changed']));
      assertSame(idsOf(committed), [id]);
      assert.equal((await store.query({}, { by: 'id', descending: false }, { offset: 0, limit: 10 })).total, 0);
      assert.equal(await store.removeAllTasks(), 0);
    },

    'shows no trace of heartbeats among the tasks': async (bench) => {
      const store = await bench.open();
      const now = await store.now();
      await store.heartbeat(member('one'));
      await store.addTask(makeTask('a', { nextRunTime: now + 600_000 }));
      await store.heartbeat(member('one'));
      const { tasks, total } = await store.query({}, { by: 'id', descending: false }, { offset: 0, limit: 10 });
      assertSame([idsOf(tasks), total], [['a'], 1]);
      assertSame(idsOf(await store.getDueTasks(now + 500_000)), []);
      assert.equal(await store.getNextRunTime(), now + 600_000);
      const { committed } = await store.transact({ due: { limit: 9, handlers: null } }, (task) => ({
        task,
        history: [],
        value: null,
      }));
      assertSame(idsOf(committed), []);
    },

    'wakes the other schedulers where it says that wake-ups are pushed': async (bench) => {
      const store = await bench.open();
      const other = await bench.other(store);
      let calls = 0;
      const end = other.onWake(() => (calls += 1));
      const at = (await store.now()) - 1;
      if (store.capabilities.wakeUp === 'pushed') {
        assert.notEqual(other, store, 'a store that serves one process has nobody to push to');
        await bench.until(async () => {
          await store.wake(at);
          return calls > 0;
        }, 'the other scheduler to be woken');
      } else {
        await store.wake(at);
      }
      end();
      end();
    },

    'wakes the other schedulers with a task that is added, where it says that wake-ups are pushed': (bench) =>
      wakesOthers(bench, (store, round, at) => store.addTask(makeTask(`a${round}`, { nextRunTime: at }))),

    'wakes the other schedulers with tasks that are added at once, where it says that wake-ups are pushed': (bench) =>
      wakesOthers(bench, (store, round, at) =>
        store.addTasks([makeTask(`a${round}`), makeTask(`b${round}`, { nextRunTime: at })]),
      ),

    'does not call a wake-up listener that has ended, and survives one that throws': async (bench) => {
      const store = await bench.open();
      const other = await bench.other(store);
      if (store.capabilities.wakeUp !== 'pushed') return;
      let ended = 0;
      let calls = 0;
      other.onWake(() => {
        throw new Error('a listener of the conformance kit that throws');
      });
      other.onWake(() => (ended += 1))();
      other.onWake(() => (calls += 1));
      await bench.until(async () => {
        await store.wake(await store.now());
        return calls > 0;
      }, 'the other scheduler to be woken');
      assert.equal(ended, 0);
    },
  },
};
