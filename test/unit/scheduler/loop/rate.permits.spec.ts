import { beforeEach, describe, expect, it } from 'vitest';
import { SettableClock } from 'nestjs-asyncz';
import { createStoreContext, makeLiveRun, makeTask } from 'nestjs-asyncz/testing';
import { ClaimStarter } from '../../../../lib/scheduler/loop/claim.starter.js';
import type { HeldRun } from '../../../../lib/scheduler/loop/held.run.js';
import { HeldTasks } from '../../../../lib/scheduler/loop/held.tasks.js';
import { RatePermits } from '../../../../lib/scheduler/loop/rate.permits.js';
import { ForgetfulStore } from '../../../support/forgetful.store.js';

const PER_MS = 10_000;
const { definition } = makeTask('task', { policies: { rateLimit: { max: 3, perMs: PER_MS, of: null } } });
const waiting = Array.from({ length: 5 }, () => definition);

let clock: SettableClock;
let store: ForgetfulStore;

beforeEach(async () => {
  clock = new SettableClock();
  store = new ForgetfulStore();
  await store.start(createStoreContext({ clock }));
});

function atHand(permits: RatePermits): number {
  const room = new Map<string, readonly number[]>();
  permits.addRoom(room);
  return [...room.values()].flat().length;
}

describe('the permits of a rate limit', () => {
  it('count as used when their scheduler dies before it has started anything, and are there again after the time', async () => {
    const dead = new RatePermits(store, clock);
    const alive = new RatePermits(store, clock);
    await dead.settle(waiting);
    expect(atHand(dead)).toBe(3);
    await alive.settle(waiting);
    expect(atHand(alive)).toBe(0);
    for (let asked = 0; atHand(alive) === 0; asked += 1) {
      expect(asked).toBeLessThan(3);
      expect(alive.full('group')).toHaveLength(1);
      clock.advance(alive.untilRetry());
      expect(alive.full('group')).toEqual([]);
      await alive.settle(waiting);
    }
    expect(atHand(alive)).toBe(3);
    expect(clock.monotonic()).toBeLessThan(PER_MS * 1.07);
  });

  it('are given back when no run has used them, and others have them at once', async () => {
    const [one, other] = [new RatePermits(store, clock), new RatePermits(store, clock)];
    await one.settle(waiting);
    expect(one.take(definition)).not.toBeNull();
    expect(await one.settle([])).toEqual({ wanted: false, hasFreed: true });
    expect(one.take(definition)).toBeUndefined();
    await other.settle(waiting);
    expect(atHand(other)).toBe(2);
  });

  it('count as used when nobody knows whether they were given back', async () => {
    const [one, other] = [new RatePermits(store, clock), new RatePermits(store, clock)];
    await one.settle(waiting);
    store.breaks = 1;
    await expect(one.settle([])).rejects.toThrow('lost');
    expect(atHand(one)).toBe(0);
    // The store has heard it, and is told nothing twice.
    await one.settle([definition]);
    await other.settle(waiting);
    expect(atHand(one) + atHand(other)).toBe(3);
  });

  it('are offered to no claim when they are about to expire', async () => {
    const permits = new RatePermits(store, clock);
    await permits.settle(waiting);
    clock.advance(251);
    expect(atHand(permits)).toBe(0);
    expect(permits.hasUnused()).toBe(true);
  });

  it('start no run when they have expired, or when their use was told: it is given back', async () => {
    const started: string[] = [];
    const given: string[] = [];
    const permits = new RatePermits(store, clock);
    const execution = {
      start: (run: HeldRun) => {
        started.push(run.taskId);
        // A handler that blocks the process.
        if (run.taskId === 't1') clock.advance(600);
      },
      giveBack: (run: HeldRun) => void given.push(run.taskId),
    };
    const limits = {
      take: (task: typeof definition) => {
        const permit = permits.take(task);
        return permit === undefined ? null : { leases: [], permit };
      },
    };
    const services = { tasks: new HeldTasks(), limits, execution, clock, leaseMs: 30_000, isStopped: () => false };
    const starter = new ClaimStarter(services as never);
    const claimOf = (...ids: readonly string[]) => {
      const claimed = ids.map((id) => {
        const run = makeLiveRun(`${id}@1`, { status: 'running', token: 1 });
        const task = makeTask(id, { policies: definition.policies, state: { live: [run] } });
        return { id, task, value: { definition: task.definition, start: [run], history: [] } };
      });
      return { claimed, simple: [], left: [], failed: [], storeNow: 0, nextDue: () => null };
    };
    await permits.settle(waiting);
    await starter.start(starter.hold(claimOf('t0', 't1', 't2'), clock.monotonic()));
    expect(started).toEqual(['t0', 't1']);
    expect(given).toEqual(['t2']);
    // The one that did not start is there again, and those of such a store are valid for longer.
    await permits.settle(waiting);
    clock.advance(400);
    expect(atHand(permits)).toBe(1);
    const runs = starter.hold(claimOf('t3'), clock.monotonic());
    await permits.settle([]);
    await starter.start(runs);
    expect(given).toEqual(['t2', 't3']);
  });
});
