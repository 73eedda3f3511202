import { describe, expect, it } from 'vitest';
import { MemoryStore } from 'nestjs-asyncz';
import type { Apply, Selection, Transacted } from 'nestjs-asyncz/store';
import { makeTask } from 'nestjs-asyncz/testing';
import { nextEvent, recordEvents } from '../../../support/events.js';
import { createScheduler, settle, START } from '../../../support/scheduler.factory.js';
import { minuteTask } from '../../../support/task.factory.js';

const HOUR = 3_600_000;

describe('the housekeeper', () => {
  it('reports a due task whose handler nobody has, once, and runs it when somebody brings the handler', async () => {
    const store = new MemoryStore();
    const first = createScheduler({}, { store, orphanAfter: '1m', heartbeatInterval: '1h' });
    await first.scheduler.start();
    const state = { nextRunTime: START, nextScheduledTime: START };
    store.addTask(minuteTask({ id: 'old', definition: { handler: 'gone' }, state }));
    const events = recordEvents(first.scheduler);
    for (let minute = 0; minute < 10; minute += 1) {
      first.clock.advance(60_000);
      await settle();
    }
    expect(events.filter(({ name }) => name === 'task.orphaned')).toMatchObject([{ taskId: 'old', handler: 'gone' }]);
    expect(await first.scheduler.getTaskInfo('old')).toMatchObject({
      problem: { code: 'ASYNCZ_HANDLER_MISSING' },
    });
    await first.scheduler.shutdown();
    const second = createScheduler({ gone: () => 'back' }, { store });
    second.clock.set(START + HOUR);
    const ran = nextEvent(second.scheduler, 'run.succeeded');
    await second.scheduler.start();
    expect(await ran).toMatchObject({ taskId: 'old', run: { result: 'back' } });
    expect(store.lookupTask('old')?.state.problem).toBeNull();
  });

  it('says once that a store cannot be cleaned up, and again when it could be meanwhile', async () => {
    class FullStore extends MemoryStore {
      isFull = true;
      override pruneRuns(...args: Parameters<MemoryStore['pruneRuns']>) {
        if (this.isFull) throw new Error('no space left');
        return super.pruneRuns(...args);
      }
    }
    const store = new FullStore();
    const lines: string[] = [];
    const logger = { debug() {}, info() {}, error() {}, warn: (line: string) => lines.push(line) };
    const { scheduler, clock } = createScheduler({}, { store, logger, heartbeatInterval: '1d' });
    await scheduler.start();
    const pass = async () => {
      for (let minute = 0; minute < 30; minute += 1) {
        clock.advance(60_000);
        await settle();
      }
    };
    await pass();
    expect(lines).toEqual([expect.stringContaining('no space left')]);
    store.isFull = false;
    await pass();
    store.isFull = true;
    await pass();
    expect(lines).toHaveLength(2);
  });

  it('keeps ended runs within the retention, by age and by number', async () => {
    const { scheduler, clock } = createScheduler(
      { tick: () => 1 },
      { retention: { count: 5, age: '10h' }, heartbeatInterval: '1d' },
    );
    await scheduler.start();
    await scheduler.addTask({
      id: 'hourly',
      handler: 'tick',
      trigger: { type: 'interval', hours: 1, endAt: new Date(START + 20 * HOUR) },
    });
    await scheduler.addTask({
      id: 'often',
      handler: 'tick',
      trigger: { type: 'interval', minutes: 30, endAt: new Date(START + 20 * HOUR) },
    });
    const count = async (taskId: string) => (await scheduler.getRuns({ taskId, limit: 1_000 })).runs.length;
    for (let half = 0; half < 40; half += 1) {
      clock.advance(HOUR / 2);
      await settle();
    }
    // The last pruning may have come before the last run ended.
    clock.advance(600_000);
    await settle();
    expect([await count('hourly'), await count('often')]).toEqual([5, 5]);
    for (let half = 0; half < 24; half += 1) {
      clock.advance(HOUR / 2);
      await settle();
    }
    expect([await count('hourly'), await count('often')]).toEqual([0, 0]);
  });

  it('keeps no run for much longer than asked for, however short that is', async () => {
    const { scheduler, clock } = createScheduler(
      { tick: () => 1 },
      { retention: { count: null, age: '1m' }, heartbeatInterval: '1d' },
    );
    await scheduler.start();
    await scheduler.addTask({ id: 't', handler: 'tick', trigger: { type: 'interval', seconds: 1 } });
    const ages: number[] = [];
    for (let second = 0; second < 400; second += 1) {
      clock.advance(1_000);
      await settle();
      const { runs } = await scheduler.getRuns({ taskId: 't', limit: 1_000 });
      ages.push(clock.now() - runs.at(-1)!.endedAt!.getTime());
    }
    expect(Math.max(...ages)).toBeGreaterThanOrEqual(60_000);
    expect(Math.max(...ages)).toBeLessThanOrEqual(60_000 + 30_000 + 1_000);
  });

  it('finds the orphans of every handler, however many tasks are due in front, and reads none that can run', async () => {
    const decided: string[] = [];
    const store = new (class extends MemoryStore {
      override transact<T>(selection: Selection, apply: Apply<T>): Transacted<T> {
        if (!('due' in selection) || !selection.due.notHandlers) return super.transact(selection, apply);
        return super.transact(selection, (task, now, values) => {
          decided.push(task.definition.handler);
          return apply(task, now, values);
        });
      }
    })();
    const settings = { store, orphanAfter: '1m', heartbeatInterval: '1d' } as const;
    const { scheduler, clock } = createScheduler({ here: () => 1 }, settings);
    await scheduler.start();
    scheduler.pause();
    const due = (handler: string, count: number, ago: number) =>
      Array.from({ length: count }, (_, at) => makeTask(`${handler} ${at}`, { handler, nextRunTime: START - ago }));
    await store.addTasks([...due('here', 700, 900), ...due('gone', 600, 800), ...due('lost', 2, 700)]);
    const events = recordEvents(scheduler);
    for (let second = 0; second < 200; second += 1) {
      clock.advance(1_000);
      await settle();
    }
    const handlers = events.flatMap((event) => (event.name === 'task.orphaned' ? [event.handler] : []));
    expect(handlers.filter((handler) => handler === 'gone')).toHaveLength(500);
    expect(handlers.filter((handler) => handler === 'lost')).toHaveLength(2);
    expect(handlers).toHaveLength(502);
    expect(decided).not.toContain('here');
  });

  it('looks for orphans no more often because runs are kept for a short time', async () => {
    const asked = { prunings: 0, looks: 0 };
    const { scheduler, clock } = createScheduler(
      {},
      {
        retention: { age: '1m' },
        heartbeatInterval: '1d',
        store: new (class extends MemoryStore {
          override pruneRuns(...args: Parameters<MemoryStore['pruneRuns']>) {
            asked.prunings += 1;
            return super.pruneRuns(...args);
          }

          override transact<T>(selection: Selection, apply: Apply<T>): Transacted<T> {
            if ('due' in selection && selection.due.notHandlers) asked.looks += 1;
            return super.transact(selection, apply);
          }
        })(),
      },
    );
    await scheduler.start();
    for (let second = 0; second < 600; second += 1) {
      clock.advance(1_000);
      await settle();
    }
    expect(asked.prunings).toBeGreaterThanOrEqual(19);
    // Once with the first pruning, and then every 2.5 minutes at the most.
    expect(asked.looks).toBeGreaterThanOrEqual(2);
    expect(asked.looks).toBeLessThanOrEqual(4);
  });

  it('prunes on without waiting when more runs have ended than one pruning removes', async () => {
    const asked: number[] = [];
    const { scheduler, clock } = createScheduler(
      {},
      {
        heartbeatInterval: '1d',
        store: new (class extends MemoryStore {
          override pruneRuns() {
            asked.push(clock.now());
            return asked.length <= 120 ? 1_000 : 0;
          }
        })(),
      },
    );
    await scheduler.start();
    const second = async () => {
      clock.advance(1_000);
      await settle();
    };
    for (let count = 0; count < 330 && asked.length < 121; count += 1) await second();
    // It is done then, and the next time is more than two minutes away.
    for (let count = 0; count < 60; count += 1) await second();
    // 50 batches at a time: after the second pause of ten seconds at the most, the last 20 and one that finds nothing.
    expect(asked).toHaveLength(121);
    expect(asked.at(-1)! - asked[0]!).toBeLessThanOrEqual(20_000);
  });

  it('forgets schedulers that have been dead for a week', async () => {
    const { scheduler, clock, store } = createScheduler({}, { heartbeatInterval: '1h' });
    await scheduler.start();
    const [self] = await store.schedulers();
    await store.heartbeat({ ...self!, identity: 'killed' });
    const identities = async () => (await store.schedulers()).map(({ identity }) => identity);
    for (let hour = 0; hour < 7 * 24; hour += 1) {
      clock.advance(HOUR);
      await settle();
    }
    expect(await identities()).toContain('killed');
    clock.advance(HOUR);
    await settle();
    clock.advance(HOUR);
    await settle();
    expect(await identities()).toEqual([self!.identity]);
  });

  it("reports a clock that is far from the store's, once", async () => {
    const { scheduler, clock } = createScheduler(
      {},
      {
        heartbeatInterval: '10s',
        store: new (class extends MemoryStore {
          override now() {
            return START;
          }
        })(),
      },
    );
    await scheduler.start();
    const events = recordEvents(scheduler);
    clock.set(START + 5 * 60_000);
    for (let beat = 0; beat < 3; beat += 1) {
      clock.advance(10_000);
      await settle();
    }
    expect(events.filter(({ name }) => name === 'scheduler.clock-skew')).toMatchObject([
      { store: 'default', offsetMs: expect.closeTo(300_000, -4) },
    ]);
  });

  it('runs each time of a past range once, when it is asked to', async () => {
    const times: number[] = [];
    const { scheduler } = createScheduler({
      tick: (_args, context) => times.push(context.scheduledTime.getTime() - START),
    });
    await scheduler.start();
    await scheduler.addTask({
      id: 'b',
      handler: 'tick',
      trigger: { type: 'interval', hours: 1, startAt: new Date(START - 10 * HOUR) },
      paused: true,
    });
    await scheduler.addTask({
      id: 'second',
      handler: 'tick',
      trigger: { type: 'interval', milliseconds: 500, startAt: new Date(START - 1_000_000) },
      paused: true,
    });
    const range = { from: new Date(START - 4 * HOUR), to: new Date(START - 2 * HOUR) };
    await scheduler.resumeTask('b');
    expect(await scheduler.backfillTask('b', range)).toHaveLength(3);
    await settle();
    await settle();
    expect(times.sort((a, b) => a - b)).toEqual([-4 * HOUR, -3 * HOUR, -2 * HOUR, 0]);
    await expect(scheduler.backfillTask('b', { from: new Date(START), to: new Date(START - 1) })).rejects.toThrow(
      /not before "from"/,
    );
    await expect(
      scheduler.backfillTask('second', { from: new Date(START - 1_000_000), to: new Date(START) }),
    ).rejects.toThrow(/1000 runs/);
  });

  it('does not try again what the handler says is not worth it', async () => {
    const attempts: string[] = [];
    const { scheduler, clock } = createScheduler({});
    const handler = (args: readonly unknown[]) => {
      attempts.push(String(args[0]));
      throw new TypeError(String(args[0]));
    };
    scheduler.registerHandler('picky', handler, {
      retryOn: (error) => error instanceof TypeError,
      abortOn: (error) => (error as Error).message === 'fatal',
    });
    scheduler.registerHandler('choosy', handler, { retryOn: (error) => error instanceof RangeError });
    await scheduler.start();
    const retry = { attempts: 2, backoff: 'fixed', delay: '1s' };
    for (const args of [['fatal'], ['passing']]) await scheduler.addTask({ handler: 'picky', args, retry });
    await scheduler.addTask({ handler: 'choosy', args: ['other'], retry });
    await settle();
    clock.advance(1_000);
    await settle();
    expect(attempts.sort()).toEqual(['fatal', 'other', 'passing', 'passing']);
  });
});
