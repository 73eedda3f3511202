import assert from 'node:assert/strict';
import type { Apply } from '../../model/change.js';
import type { ClaimRequest } from '../../scheduler/loop/claim.step.js';
import type { Claimed } from '../../scheduler/plan/claim.plan.js';
import { claimDue } from '../store.steps.js';
import { decision, startDue } from '../plan.fixtures.js';
import { joined, perDueKey } from '../due-key.fixtures.js';
import { assertSame } from '../same-value.js';
import { idsOf } from '../store.bench.js';
import { makeRun, makeTask } from '../task.fixtures.js';
import type { TaskFields } from '../task.fixtures.js';
import type { ContractSection } from './contract.section.js';

const LEASE_MS = 600_000;

function request(fields: Partial<ClaimRequest> = {}): ClaimRequest {
  return { limit: 100, handlers: ['work'], order: 'priority', ...fields };
}

const start = (owner = 'owner-1') => startDue(owner, LEASE_MS);

export const CLAIMS: ContractSection = {
  title: 'claims',
  tests: {
    'starts what is due: the run, its lease and the next run time are written together': async (bench) => {
      const store = await bench.open();
      const now = await store.now();
      const task = makeTask('a', { nextRunTime: now - 3, args: ['x'] });
      await store.addTask(task);
      const plan = startDue('owner-1', LEASE_MS, (_, at) => at + 5_000_000);
      const { claimed, storeNow, nextDue } = await claimDue(store, request(), plan);
      assert.equal(claimed.length, 1);
      const [claim] = claimed;
      const stored = await bench.task(store, 'a');
      assertSame(claim!.task, stored);
      assertSame(claim!.task!.definition, task.definition);
      assertSame([...claim!.start], [...stored.state.live]);
      assertSame([...claim!.history], []);
      assert.equal(claim!.id, 'a');
      assert.equal(stored.version, 2);
      assert.ok(storeNow >= now && storeNow <= (await store.now()));
      assert.equal(stored.state.nextRunTime, storeNow + 5_000_000);
      assert.equal(stored.state.live[0]!.leaseUntil, storeNow + LEASE_MS);
      assert.equal(await nextDue(), storeNow + LEASE_MS);
    },

    'takes nothing that is not due': async (bench) => {
      const store = await bench.open();
      const now = await store.now();
      await store.addTasks([
        makeTask('future', { nextRunTime: now + 600_000 }),
        makeTask('none'),
        makeTask('paused', { nextRunTime: now - 1, state: { pause: { at: now, reason: null, actor: null } } }),
        makeTask('paused-for-now', {
          nextRunTime: now - 1,
          state: { pause: { at: now, reason: null, actor: null, until: now + 300_000 } },
        }),
      ]);
      const { claimed, nextDue } = await claimDue(store, request(), start());
      assertSame(idsOf(claimed), []);
      assert.equal(await nextDue(), now + 300_000);
      assert.equal((await bench.task(store, 'paused-for-now')).state.pause?.until, now + 300_000);
      assert.equal((await bench.task(store, 'paused')).version, 1);
    },

    'does not take a task again while its lease holds': async (bench) => {
      const store = await bench.open();
      const other = await bench.other(store);
      await store.addTask(makeTask('a', { nextRunTime: (await store.now()) - 1 }));
      assert.equal((await claimDue(store, request(), start())).claimed.length, 1);
      for (const by of [store, other]) {
        assertSame(idsOf((await claimDue(by, request(), start('owner-2'))).claimed), []);
      }
      assert.equal((await bench.task(other, 'a')).state.live[0]!.owner, 'owner-1');
    },

    'takes no more than the limit, the first by priority, due time and id': async (bench) => {
      const store = await bench.open();
      const now = await store.now();
      await store.addTasks([
        makeTask('late', { nextRunTime: now - 1 }),
        makeTask('b', { nextRunTime: now - 2 }),
        makeTask('a', { nextRunTime: now - 2 }),
        makeTask('unimportant', { nextRunTime: now - 9, policies: { priority: 5 } }),
        makeTask('important', { nextRunTime: now, policies: { priority: -5 } }),
      ]);
      const claim = async (limit: number) => claimDue(store, request({ limit }), start());
      const first = await claim(2);
      assertSame(idsOf(first.claimed), ['important', 'a']);
      const next = await first.nextDue();
      assert.ok(next !== null && next <= first.storeNow, 'more is due at once');
      assertSame(idsOf((await claim(2)).claimed), ['b', 'late']);
      assertSame(idsOf((await claim(2)).claimed), ['unimportant']);
      assertSame(idsOf((await claim(2)).claimed), []);
    },

    'takes only tasks of the handlers that are asked for': async (bench) => {
      const store = await bench.open();
      const now = await store.now();
      const task = (handler: string) => makeTask(`of ${handler}`, { handler, nextRunTime: now - 1 });
      await store.addTasks([task('one'), task('two'), task('three')]);
      const claim = async (handlers: string[] | null) =>
        idsOf((await claimDue(store, request({ handlers }), start())).claimed);
      assertSame(await claim([]), []);
      assertSame(await claim(['unknown', 'tw', '%', 'one,two']), []);
      assertSame(await claim(['two', 'unknown', 'two']), ['of two']);
      assertSame(await claim(null), ['of one', 'of three']);
    },

    'is not held up by due tasks of other handlers in front': async (bench) => {
      const store = await bench.open();
      const now = await store.now();
      const theirs = Array.from({ length: 60 }, (_, at) =>
        makeTask(`theirs-${at}`, { handler: 'theirs', nextRunTime: now - 1_000 - at, policies: { priority: -1 } }),
      );
      await store.addTasks([...theirs, makeTask('mine', { nextRunTime: now - 1 })]);
      const { claimed, storeNow, nextDue } = await claimDue(store, request({ limit: 2 }), start());
      assertSame(idsOf(claimed), ['mine']);
      assert.equal(await nextDue(), storeNow + LEASE_MS, 'what only others can run must not wake this scheduler');
    },

    ...perDueKey(
      (key) => `passes by the tasks that are left out by their ${key}`,
      ({ key, values, leftOut, alike, others, exceptAll }) =>
        async (bench) => {
          const store = await bench.open();
          const now = await store.now();
          const task = (id: string, late: number, ...fields: TaskFields[]) =>
            makeTask(id, joined(...fields, { nextRunTime: now - late }));
          const urgent = { policies: { priority: -1 } };
          const blocked = Array.from({ length: 40 }, (_, at) =>
            task(`blocked-${at}`, 1_000 + at, ...(at % 2 === 0 ? others : []), leftOut, urgent),
          );
          const ofOthers = others.map((fields, at) => task(`other-${at}`, 2, fields));
          await store.addTasks([...blocked, task('free', 1), ...ofOthers, task('alike', 3, alike)]);
          const due = { limit: 5, handlers: null, except: exceptAll };
          const { committed } = await store.transact({ due }, (found) => ({ task: found, history: [], value: null }));
          assertSame(idsOf(committed), ['alike', 'free']);
          const except = { [key]: ['unknown', ...values, '\0'] };
          const byAge = await claimDue(store, request({ limit: 1, order: 'age', except }), start());
          assertSame(idsOf(byAge.claimed), ['alike']);
          const { claimed, nextDue } = await claimDue(store, request({ except }), start());
          assertSame(idsOf(claimed), [...idsOf(ofOthers), 'free']);
          assert.equal(await nextDue(), byAge.storeNow + LEASE_MS, 'what is left out must not wake this scheduler');
          const rest = await claimDue(store, request({ limit: 100 }), start());
          assert.equal(rest.claimed.length, 40);
        },
    ),

    'takes the oldest first whatever its priority, where it is asked to': async (bench) => {
      const store = await bench.open();
      const now = await store.now();
      const task = (id: string, priority: number, late: number, handler = 'work') =>
        makeTask(id, { handler, nextRunTime: now - late, policies: { priority } });
      await store.addTasks([
        task('urgent', -5, 1),
        task('old', 9, 50),
        task('older', 3, 70),
        task('tie-b', -2, 20),
        task('tie-a', 4, 20),
        task('theirs', 1, 99, 'theirs'),
        task('future', -9, -60_000),
      ]);
      const claim = async (limit: number) =>
        idsOf((await claimDue(store, request({ limit, order: 'age' }), start())).claimed);
      assertSame(await claim(2), ['older', 'old']);
      assertSame(await claim(2), ['tie-a', 'tie-b']);
      assertSame(await claim(9), ['urgent']);
    },

    'says when the next task of the asked handlers is due': async (bench) => {
      const store = await bench.open();
      const now = await store.now();
      const nextDueAt = async () => (await claimDue(store, request(), start())).nextDue();
      assert.equal(await nextDueAt(), null);
      await store.addTask(makeTask('theirs', { handler: 'theirs', nextRunTime: now + 300_000 }));
      assert.equal(await nextDueAt(), null);
      await store.addTask(makeTask('mine', { nextRunTime: now + 400_000 }));
      assert.equal(await nextDueAt(), now + 400_000);
    },

    'leaves a task alone that the plan leaves alone': async (bench) => {
      const store = await bench.open();
      const now = await store.now();
      await store.addTasks(['a', 'b'].map((id) => makeTask(id, { nextRunTime: now - 1 })));
      const plan: Apply<Claimed> = (task, at, decided) => (task.id === 'a' ? null : start()(task, at, decided));
      assertSame(idsOf((await claimDue(store, request(), plan)).claimed), ['b']);
      assertSame(await store.lookupTask('a'), makeTask('a', { nextRunTime: now - 1 }));
    },

    'records what did not run in the same step, and removes a task that is done': async (bench) => {
      const store = await bench.open();
      const now = await store.now();
      await store.addTasks([makeTask('a', { nextRunTime: now - 9 }), makeTask('b', { nextRunTime: now - 8 })]);
      const missed = (taskId: string) =>
        makeRun(`${taskId}@1`, { taskId, status: 'missed', startedAt: null, token: 0 });
      const { claimed } = await claimDue(store, request(), (task) => {
        const later = { ...task, state: { ...task.state, nextRunTime: now + 600_000 } };
        return decision(task, task.id === 'a' ? null : later, [], [missed(task.id)]);
      });
      assertSame(claimed[0], { id: 'a', task: null, start: [], history: [missed('a')] });
      assertSame(idsOf(claimed), ['a', 'b']);
      assert.equal(await store.lookupTask('a'), null);
      assert.equal((await bench.task(store, 'b')).state.nextRunTime, now + 600_000);
      assertSame([...(await store.runs({}, { limit: 5 })).runs], [missed('a'), missed('b')]);
    },

    'leaves a task as it was when the plan throws': async (bench) => {
      const store = await bench.open();
      const now = await store.now();
      const ids = ['a', 'b', 'c'];
      await store.addTasks(ids.map((id) => makeTask(id, { nextRunTime: now - 1 })));
      const plan: Apply<Claimed> = (task, at, decided) => {
        if (task.id === 'b') throw new Error('no plan for b');
        return start()(task, at, decided);
      };
      let claimed = new Set<string>();
      try {
        claimed = new Set(idsOf((await claimDue(store, request(), plan)).claimed));
      } catch (error) {
        assert.equal((error as Error).message, 'no plan for b');
      }
      for (const id of ids) {
        const { version, state } = await bench.task(store, id);
        assert.equal(version, claimed.has(id) ? 2 : 1, `${id} was written but not told of, or told of and not written`);
        assert.equal(state.live.length, claimed.has(id) ? 1 : 0);
      }
      assert.ok(!claimed.has('b'));
      // Nothing is left locked or reserved by what failed.
      const rest = await bench.until(async () => {
        for (const claim of (await claimDue(store, request(), start())).claimed) claimed.add(claim.id);
        return claimed.size === ids.length;
      }, 'the tasks of a failed claim to be claimed');
      assert.ok(rest);
    },

    'gives every task to one of two schedulers that claim at the same time': async (bench) => {
      const store = await bench.open();
      const other = await bench.other(store);
      const now = await store.now();
      const ids = Array.from({ length: Math.min(300, bench.volume) }, (_, at) => `t${String(at).padStart(3, '0')}`);
      await store.addTasks(ids.map((id, at) => makeTask(id, { nextRunTime: now - (at % 7) - 1 })));
      const claimAll = async (by: typeof store, owner: string) => {
        const mine: string[] = [];
        let idle = 0;
        // An empty claim may mean that the other one just holds the rest; it ends when that happens again and again.
        for (let rounds = 0; rounds < 1_000 && idle < 20 && mine.length < ids.length; rounds += 1) {
          const { claimed } = await claimDue(by, request({ limit: 7 }), start(owner));
          assert.ok(claimed.length <= 7);
          for (const { id, start: runs } of claimed) {
            assert.equal(runs[0]!.owner, owner);
            mine.push(id);
          }
          idle = claimed.length === 0 ? idle + 1 : 0;
        }
        return mine;
      };
      const [mine, theirs] = await Promise.all([claimAll(store, 'owner-1'), claimAll(other, 'owner-2')]);
      assertSame([...mine, ...theirs].sort(), ids);
      for (const id of ids) {
        const { state, version } = await bench.task(store, id);
        assert.equal(version, 2, `${id} was claimed more than once`);
        assert.equal(state.live[0]!.owner, mine.includes(id) ? 'owner-1' : 'owner-2');
      }
    },

    'keeps a pause that is made elsewhere at the same time': async (bench) => {
      const store = await bench.open();
      const other = await bench.other(store);
      const now = await store.now();
      const ids = Array.from({ length: 30 }, (_, at) => `t${at}`);
      await store.addTasks(ids.map((id) => makeTask(id, { nextRunTime: now - 1 })));
      const claimAll = async () => {
        const claimed: string[] = [];
        for (let round = 0; round < 20; round += 1) {
          claimed.push(...idsOf((await claimDue(store, request({ limit: 3 }), start())).claimed));
        }
        return claimed;
      };
      const pauseAll = async () => {
        const pause = { at: now, reason: 'elsewhere', actor: 'me' };
        const { committed } = await other.transact({ ids }, (task) => ({
          task: { ...task, state: { ...task.state, pause } },
          history: [],
          value: null,
        }));
        return idsOf(committed);
      };
      const [claimed, paused] = await Promise.all([claimAll(), pauseAll()]);
      assertSame(paused.sort(), [...ids].sort());
      for (const id of ids) {
        const { state, version } = await bench.task(store, id);
        assert.equal(state.pause?.reason, 'elsewhere', `the pause of ${id} was overwritten`);
        assert.equal(state.live.length, claimed.includes(id) ? 1 : 0, `the claim of ${id} was overwritten`);
        assert.equal(version, claimed.includes(id) ? 3 : 2);
      }
    },
  },
};
