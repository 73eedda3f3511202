import { describe, expect, it } from 'vitest';
import type { MemoryStore } from 'nestjs-asyncz';
import type { Apply, Exchange, Selection, Transacted } from 'nestjs-asyncz/store';
import { SystemClock } from '../../../../lib/model/clock.js';
import { HeldRun } from '../../../../lib/scheduler/loop/held.run.js';
import { EndQueue } from '../../../../lib/scheduler/loop/end.queue.js';
import type { EndAnswer } from '../../../../lib/scheduler/loop/end.answer.js';
import { HeldTasks } from '../../../../lib/scheduler/loop/held.tasks.js';
import type { RunEnd } from '../../../../lib/scheduler/plan/end.plan.js';
import { makeLiveRun, makeTask } from '../../../../lib/testing/task.fixtures.js';
import { WakeableWait } from '../../../../lib/time/wait.js';
import { recordEvents } from '../../../support/events.js';
import { createScheduler, settle } from '../../../support/scheduler.factory.js';
import { DecidingStore } from '../../../support/deciding.store.js';

const end = (taskId: string): RunEnd => ({ taskId, runId: `${taskId}@1`, token: 1, record: null, retryAt: null });

/** A queue over a store that ends every run, after `before`. */
function queueOver(before: (ids: readonly string[]) => Promise<void>): EndQueue {
  const store = {
    transact: async <T>(selection: Selection, apply: Apply<T>): Promise<Transacted<T>> => {
      const ids = 'ids' in selection ? selection.ids : [];
      await before(ids);
      const committed = ids.map((id) => {
        const run = makeLiveRun(`${id}@1`, { status: 'running', token: 1 });
        const { value } = apply(makeTask(id, { state: { live: [run], exhausted: true } }), 0, [])!;
        return { id, task: null, value };
      });
      return { committed, left: [], missing: [], unreadable: [], failed: [], storeNow: 0 };
    },
    exchange: () => ({ written: { lost: [], failed: [] }, taken: null }),
    runs: () => ({ runs: [], next: null }),
    saveRuns: () => {},
    lookupTask: () => null,
  };
  const listener = { failed: () => 0, worked: () => {}, isClaimDue: () => false };
  const clock = new SystemClock();
  return new EndQueue(store, new HeldTasks(), { now: () => 0 }, clock, new WakeableWait(clock), listener);
}

function offer(queue: EndQueue, id: string): Promise<EndAnswer | null> {
  return new Promise((answer) => queue.offer(end(id), answer));
}

describe('the ends of runs', () => {
  it.each(Array.from({ length: 12 }, (_, turns) => turns))(
    'reach the store also %i turns after it has taken others',
    async (turns) => {
      const taken: string[] = [];
      const queue = queueOver(async (ids) => {
        await Promise.resolve();
        taken.push(...ids);
      });
      const first = offer(queue, 'first');
      while (taken.length === 0) await Promise.resolve();
      for (let left = turns; left > 0; left -= 1) await Promise.resolve();
      const second = offer(queue, 'second');
      await queue.drained();
      expect(taken).toEqual(['first', 'second']);
      expect(await first).toEqual({ outcome: 'ended', task: null });
      expect(await second).toEqual({ outcome: 'ended', task: null });
    },
  );

  it('are given up when the queue is closed, but for those that the store is about to take', async () => {
    let take = () => {};
    const queue = queueOver(() => new Promise((resolve) => (take = resolve)));
    const first = offer(queue, 'first');
    await settle();
    const second = offer(queue, 'second');
    queue.close();
    take();
    expect(await first).toEqual({ outcome: 'ended', task: null });
    expect(await second).toBeNull();
    expect(await offer(queue, 'third')).toBeNull();
  });
});

describe('ends that go along with a claim', () => {
  it('are written by themselves where the store could not write them, though nothing else ends', async () => {
    const alone: string[][] = [];
    const store = {
      transact: () => Promise.reject(new Error('nothing is left to be decided on')),
      exchange: ({ write = [] }: Exchange) => {
        alone.push(write.map(({ from }) => from.id));
        return { written: { lost: [], failed: [] }, taken: null };
      },
      runs: () => ({ runs: [], next: null }),
      saveRuns: () => {},
      lookupTask: () => null,
    };
    const held = new HeldTasks();
    for (const id of ['a', 'b']) {
      const run = makeLiveRun(`${id}@1`, { status: 'running', token: 1 });
      const record = makeTask(id, { state: { live: [run], exhausted: true, lastToken: 1 } });
      held.hold(new HeldRun(record, run, { record, run, simpleSince: null }, {} as never, 0));
    }
    const clock = new SystemClock();
    const listener = { failed: () => 0, worked: () => {}, isClaimDue: () => true };
    const queue = new EndQueue(store, held, { now: () => 0 }, clock, new WakeableWait(clock), listener);
    const answers = Promise.all([offer(queue, 'a'), offer(queue, 'b')]);
    queue.takeAlong()!.written({ lost: [], failed: [{ id: 'b', error: new Error('not this one') }] });
    expect((await answers).map((answer) => answer?.outcome)).toEqual(['ended', 'ended']);
    expect(alone).toEqual([['b']]);
  });
});

/** Takes the ends of runs, and breaks off before the answer: the first time, or before it has taken them. */
class BreakingStore extends DecidingStore {
  takesEnds = true;
  breaks = 1;
  /** How often the history cannot be read afterwards. */
  unreadable = 0;
  ends = 0;

  override exchange(asked: Exchange) {
    if (!asked.write) return super.exchange(asked);
    this.ends += 1;
    const isBroken = this.ends <= this.breaks;
    if (isBroken && !this.takesEnds) throw new Error('broken off before');
    const result = super.exchange(asked);
    if (isBroken) throw new Error('broken off after');
    return result;
  }

  override runs(...args: Parameters<MemoryStore['runs']>) {
    if (this.unreadable > 0 && this.ends > 1) {
      this.unreadable -= 1;
      throw new Error('the history cannot be read');
    }
    return super.runs(...args);
  }
}

describe('an end of a run whose answer was lost', () => {
  /** What is told of the one run of a task, when the store breaks off at its end. */
  async function told(store: BreakingStore, work: () => unknown, task: object = {}) {
    const { scheduler, clock } = createScheduler({ work }, { store });
    await scheduler.start();
    const events = recordEvents(scheduler);
    await scheduler.addTask({ id: 'a', handler: 'work', ...task });
    await settle();
    for (let tries = 0; tries < 5; tries += 1) {
      clock.advance(1_000);
      await settle();
    }
    const names = events.map(({ name }) => name).filter((name) => name.startsWith('run.') || name === 'task.removed');
    return { names: names.slice(2), runs: (await scheduler.getRuns({ taskId: 'a' })).runs, events };
  }

  it('is told of as what it was, and the task as removed', async () => {
    const { names, runs } = await told(new BreakingStore(), () => 'done');
    expect(names).toEqual(['run.succeeded', 'task.removed']);
    expect(runs).toMatchObject([{ status: 'succeeded', result: 'done' }]);
  });

  it('is told of once also when the history could not be read at first', async () => {
    const store = new BreakingStore();
    store.unreadable = 2;
    const { names } = await told(store, () => 'done');
    expect(names).toEqual(['run.succeeded', 'task.removed']);
  });

  it('leaves a task that recurs with its next due time', async () => {
    const store = new BreakingStore();
    const trigger = { type: 'interval', seconds: 3 } as const;
    const { names, runs } = await told(store, () => 1, { trigger });
    expect(names).toEqual(['run.succeeded']);
    expect(runs).toHaveLength(1);
  });

  it('of an attempt that failed and is tried again is told of as failed, and tried again', async () => {
    let attempts = 0;
    const work = () => {
      attempts += 1;
      if (attempts === 1) throw new Error('not yet');
    };
    const retry = { attempts: 2, backoff: 'fixed', delay: '1s' };
    const { names, runs } = await told(new BreakingStore(), work, { retry });
    expect(names).toEqual(['run.failed', 'run.submitted', 'run.started', 'run.succeeded', 'task.removed']);
    expect(runs.map(({ status }) => status)).toEqual(['succeeded', 'failed']);
  });

  it('tells also that it has paused the task', async () => {
    const work = () => {
      throw new Error('never');
    };
    const policies = { pauseAfterFailures: 1, trigger: { type: 'interval', seconds: 3 } };
    const { events } = await told(new BreakingStore(), work, policies);
    expect(events.filter(({ name }) => name === 'task.paused')).toMatchObject([{ reason: '1 failed runs in a row' }]);
  });

  it('is given again when the store had not taken it', async () => {
    const store = new BreakingStore();
    store.takesEnds = false;
    const { names, runs } = await told(store, () => 'done');
    expect(names).toEqual(['run.succeeded', 'task.removed']);
    expect(runs).toHaveLength(1);
  });

  it('is fenced when the store had not taken it and somebody else has the run meanwhile', async () => {
    const store = new BreakingStore();
    store.takesEnds = false;
    const work = async () => {
      const ids = (await store.getAllTasks()).map(({ id }) => id);
      await store.transact({ ids }, (task) => {
        const live = task.state.live.map((run) => ({ ...run, owner: 'other', token: run.token + 1 }));
        return { task: { ...task, state: { ...task.state, live } }, value: null };
      });
    };
    const { names, runs } = await told(store, work);
    expect(names).toEqual(['run.fenced']);
    expect(runs).toEqual([]);
  });

  it('is kept when the store had not taken it and its task is gone meanwhile', async () => {
    const store = new BreakingStore();
    store.takesEnds = false;
    const { names, runs } = await told(store, () => store.removeAllTasks());
    expect(names).toEqual(['run.succeeded']);
    expect(runs).toHaveLength(1);
  });

  describe('which the history does not keep', () => {
    const history = 'none';

    it.each([
      ['once', {}, ['run.succeeded', 'task.removed'], undefined],
      ['at intervals', { trigger: { type: 'interval', seconds: 3 } }, ['run.succeeded'], 'succeeded'],
    ])('is told of as what it was, by what the store says of a task that runs %s', async (_, task, expected, last) => {
      const store = new BreakingStore();
      const { names, runs } = await told(store, () => 'done', { ...task, history });
      expect(names).toEqual(expected);
      expect(runs).toEqual([]);
      expect(store.lookupTask('a')?.state.lastRun?.status).toBe(last);
    });

    it('is told of as failed, and tried again', async () => {
      let attempts = 0;
      const work = () => {
        attempts += 1;
        if (attempts === 1) throw new Error('not yet');
      };
      const retry = { attempts: 2, backoff: 'fixed', delay: '1s' };
      const { names } = await told(new BreakingStore(), work, { retry, history });
      expect(names).toEqual(['run.failed', 'run.submitted', 'run.started', 'run.succeeded', 'task.removed']);
    });

    it('is fenced when somebody else has the run meanwhile, or has recorded it as lost', async () => {
      for (const taken of ['under way', 'lost'] as const) {
        const store = new BreakingStore();
        store.takesEnds = false;
        const work = async () => {
          const ids = (await store.getAllTasks()).map(({ id }) => id);
          await store.transact({ ids }, (task) => {
            const { live, lastRun } = task.state;
            const [run] = live;
            if (!run) return null;
            const state =
              taken === 'lost'
                ? { ...task.state, live: [], lastRun: { id: run.id, status: taken, startedAt: 1, endedAt: 2 } }
                : { ...task.state, live: [{ ...run, owner: 'other', token: run.token + 1 }], lastRun };
            return { task: { ...task, state }, value: null };
          });
        };
        const { names } = await told(store, work, {
          trigger: { type: 'interval', hours: 1, startAt: new Date(0) },
          history,
        });
        expect(names[0]).toBe('run.fenced');
      }
    });
  });
});
