import assert from 'node:assert/strict';
import { claimDue, finishRuns } from '../store.steps.js';
import { resultOf, startDue } from '../plan.fixtures.js';
import { assertSame } from '../same-value.js';
import { idsOf } from '../store.bench.js';
import { makeTask } from '../task.fixtures.js';
import type { ContractSection } from './contract.section.js';

const BATCH = 500;
const LEASE_MS = 3_600_000;

export const VOLUME: ContractSection = {
  title: 'volume',
  tests: {
    'adds, finds, claims and ends many tasks, each once': async (bench) => {
      const store = await bench.open();
      const now = await store.now();
      const due = Math.ceil(bench.volume / 5);
      const ids = Array.from({ length: bench.volume }, (_, at) => `task-${String(at).padStart(7, '0')}`);
      const tasks = ids.map((id, at) =>
        makeTask(id, { nextRunTime: at < due ? now - due + at : now + 3_600_000 + at, args: [at] }),
      );
      for (let at = 0; at < tasks.length; at += BATCH) {
        assertSame([...(await store.addTasks(tasks.slice(at, at + BATCH)))], []);
      }
      const sort = { by: 'nextRunTime', descending: false } as const;
      const page = await store.query({}, sort, { offset: bench.volume - 3, limit: 10 });
      assertSame([idsOf(page.tasks), page.total], [ids.slice(-3), bench.volume]);
      assert.equal((await store.getAllTasks()).length, bench.volume);
      assert.equal(await store.getNextRunTime(), now - due);
      assertSame(idsOf(await store.getDueTasks(now)), ids.slice(0, due));
      const order: string[] = [];
      for (let rounds = 0; order.length < due && rounds < due; rounds += 1) {
        const request = { limit: BATCH, handlers: ['work'] };
        const { claimed } = await claimDue(store, request, startDue('x', LEASE_MS));
        order.push(...idsOf(claimed));
        const { settled, refused } = await finishRuns(
          store,
          claimed.map(({ task, start }) => resultOf(task!, start[0]!, 'succeeded')),
        );
        assertSame([settled.length, refused.length], [claimed.length, 0]);
      }
      assertSame(order, ids.slice(0, due));
      assert.equal(await store.getNextRunTime(), tasks[due]!.state.nextRunTime);
      assert.equal(await store.removeAllTasks(), bench.volume - due);
      assert.equal(await store.getNextRunTime(), null);
    },
  },
};
