import { describe, expect, it } from 'vitest';
import { RunSuspendedError } from 'nestjs-asyncz';
import type { Handler, TaskContext } from 'nestjs-asyncz';
import { nextEvent, recordEvents } from '../../../support/events.js';
import { MemoryCluster, pass } from '../../../support/memory.cluster.js';
import { RecordingLogger } from '../../../support/recording.logger.js';
import { createRunning, settle, START } from '../../../support/scheduler.factory.js';

const HOUR = 3_600_000;

/** A handler that sleeps two hours between two steps. */
function sleeper() {
  const calls: string[] = [];
  const work: Handler = async (_args, context) => {
    calls.push(`called as attempt ${context.attempt}`);
    await context.step('before', () => calls.push('before'));
    await context.sleep('2h');
    return context.step('after', () => calls.push('after'));
  };
  return { work, calls };
}

describe('a run that sleeps', () => {
  it('gives its place back, and goes on after its steps in the same attempt when it is time', async () => {
    const { work, calls } = sleeper();
    const { scheduler, clock, store } = await createRunning({ work, other: () => 1 });
    const events = recordEvents(scheduler);
    await scheduler.addTask({ id: 'a', handler: 'work' });
    await settle();
    expect(store.lookupTask('a')).toMatchObject({
      state: { live: [{ status: 'waiting', attempt: 1, lost: 0, owner: null, availableAt: START + 2 * HOUR }] },
    });
    expect(events.at(-1)).toMatchObject({ name: 'run.suspended', until: new Date(START + 2 * HOUR) });
    clock.advance(2 * HOUR - 1);
    await settle();
    expect(calls).toEqual(['called as attempt 1', 'before']);
    clock.advance(1);
    await settle();
    expect(calls).toEqual(['called as attempt 1', 'before', 'called as attempt 1', 'after']);
    const { runs } = await scheduler.getRuns();
    expect(runs).toMatchObject([{ status: 'succeeded', attempt: 1, startedAt: new Date(START + 2 * HOUR) }]);
  });

  it('goes on under another scheduler when its own has stopped', async () => {
    const cluster = new MemoryCluster();
    const { work, calls } = sleeper();
    const stopped = await cluster.join('stopped', { work });
    await stopped.addTask({ id: 'a', handler: 'work' });
    await settle();
    const stopping = stopped.shutdown(0);
    await pass(cluster, 1_000);
    await stopping;
    const next = await cluster.join('next', { work });
    const ended = nextEvent(next, 'run.succeeded');
    await pass(cluster, 2 * HOUR, 60_000);
    expect((await ended).run).toMatchObject({ attempt: 1, owner: 'next' });
    expect(calls.filter((call) => call === 'before')).toHaveLength(1);
  });

  it('is asleep also if its handler takes the error for one of its own, returns, or fails afterwards', async () => {
    const logger = new RecordingLogger();
    const seen: unknown[] = [];
    const sleeping = async (context: TaskContext) => {
      await context.sleep('1h').catch((error: unknown) => seen.push(error));
      seen.push(await context.step('late', () => 1).catch((error: unknown) => error));
    };
    const { scheduler, clock } = await createRunning(
      {
        returns: (_args, context) => sleeping(context),
        throws: async (_args, context) => {
          await sleeping(context);
          if (seen.length < 6) throw new Error('of its own');
        },
      },
      { logger },
    );
    await scheduler.addTask({ handler: 'returns' });
    await scheduler.addTask({ handler: 'throws' });
    await settle();
    expect(seen).toHaveLength(4);
    for (const error of seen) expect(error).toBeInstanceOf(RunSuspendedError);
    expect((await scheduler.getRuns()).runs).toEqual([]);
    expect(logger.of('warn', /of its own/)).toHaveLength(1);
    clock.advance(HOUR);
    await settle();
    expect((await scheduler.getRuns()).runs.map(({ status }) => status)).toEqual(['succeeded', 'succeeded']);
  });

  it('sleeps once for each sleep, by its order or by its name, and not for what is past', async () => {
    const { scheduler, clock, store } = await createRunning({
      work: async (_args, context) => {
        await context.sleep('1h');
        await context.sleep(new Date(START + 3 * HOUR), { name: 'until three' });
        await context.sleep(new Date(START), { name: 'past' });
        await context.sleep(0);
        await context.sleep('1h');
      },
    });
    await scheduler.addTask({ id: 'a', handler: 'work' });
    for (let hour = 0; hour < 4; hour += 1) {
      await settle();
      clock.advance(HOUR);
      if (hour < 3) expect((await scheduler.getRuns()).runs).toEqual([]);
      if (hour === 3) {
        expect(store.lookupTask('a')).toMatchObject({
          state: { live: [{ steps: [{ name: 'sleep 1' }, { name: 'until three' }, { name: 'sleep 3' }] }] },
        });
      }
    }
    await settle();
    expect((await scheduler.getRuns()).runs).toMatchObject([{ status: 'succeeded', attempt: 1 }]);
  });

  it('waits for the steps that are under way beside the sleep, and of two sleeps wakes up for the first', async () => {
    let ran = 0;
    const { scheduler, clock } = await createRunning({
      work: (_args, context) =>
        Promise.all([
          context.step('slow', async () => {
            await new Promise((resolve) => setImmediate(resolve));
            return (ran += 1);
          }),
          context.sleep('2h', { name: 'long' }),
          context.sleep('1h', { name: 'short' }),
        ]),
    });
    const events = recordEvents(scheduler);
    await scheduler.addTask({ handler: 'work' });
    for (let hour = 0; hour < 2; hour += 1) {
      await settle();
      clock.advance(HOUR);
    }
    await settle();
    expect(ran).toBe(1);
    expect(events.flatMap((event) => (event.name === 'run.suspended' ? event.until.getTime() - START : []))).toEqual([
      HOUR,
      2 * HOUR,
    ]);
    expect((await scheduler.getRuns()).runs).toMatchObject([{ status: 'succeeded' }]);
  });

  it('may fall asleep within a step, which is then begun anew', async () => {
    let begun = 0;
    const { scheduler, clock } = await createRunning({
      work: (_args, context) =>
        context.step('with a pause', async () => {
          begun += 1;
          await context.sleep('1h');
          return begun;
        }),
    });
    await scheduler.addTask({ handler: 'work' });
    await settle();
    clock.advance(HOUR);
    await settle();
    expect((await scheduler.getRuns()).runs).toMatchObject([{ status: 'succeeded', attempt: 1, result: 2 }]);
  });

  it('uses up no attempt, and forgets the losses before', async () => {
    const attempts: number[] = [];
    const { scheduler, clock } = await createRunning({
      work: async (_args, context) => {
        attempts.push(context.attempt);
        await context.sleep('1h');
        throw new Error('no');
      },
    });
    await scheduler.addTask({ handler: 'work', retry: { attempts: 2, backoff: 'fixed', delay: '1m' } });
    await settle();
    clock.advance(HOUR);
    await settle();
    clock.advance(60_000);
    await settle();
    // The sleep is over in the second attempt.
    expect(attempts).toEqual([1, 1, 2]);
  });

  it('can be cancelled while it sleeps', async () => {
    const { work, calls } = sleeper();
    const { scheduler, clock } = await createRunning({ work });
    await scheduler.addTask({ id: 'a', handler: 'work' });
    await settle();
    await scheduler.cancelRun((await scheduler.getTask('a'))!.info.live[0]!.id, { reason: 'sold out' });
    clock.advance(2 * HOUR);
    await settle();
    expect((await scheduler.getRuns()).runs).toMatchObject([{ status: 'cancelled', cancel: { reason: 'sold out' } }]);
    expect(calls).not.toContain('after');
  });

  it('is cancelled where that was asked for before it fell asleep, and its scheduler had not heard of it', async () => {
    const cluster = new MemoryCluster();
    let fallAsleep = () => {};
    const awake = new Promise<void>((resolve) => (fallAsleep = resolve));
    const work: Handler = async (_args, context) => {
      await awake;
      await context.sleep('1h');
    };
    const one = await cluster.join('one', { work });
    const other = await cluster.join('other');
    await one.addTask({ id: 'a', handler: 'work' });
    await pass(cluster, 1_000);
    const [run] = (await other.getTask('a'))!.info.live;
    await other.cancelRun(run!.id);
    fallAsleep();
    await pass(cluster, 1_000);
    expect((await other.getRuns()).runs).toMatchObject([{ status: 'cancelled' }]);
  });

  it('keeps its place among the runs of its task: a time that comes meanwhile is skipped', async () => {
    const { work } = sleeper();
    const { scheduler, clock, store } = await createRunning({ work });
    await scheduler.addTask({ id: 'a', handler: 'work', trigger: { type: 'interval', minutes: 30 } });
    for (let half = 0; half < 4; half += 1) {
      clock.advance(HOUR / 2);
      await settle();
    }
    expect(store.lookupTask('a')).toMatchObject({ state: { live: [{ status: 'waiting' }] } });
    expect((await scheduler.getRuns()).runs.every(({ status }) => status === 'skipped')).toBe(true);
  });

  it.each([['soon'], [-1], [NaN], [new Date(NaN)], ['4000d'], [new Date(START + 4_000 * 86_400_000)], [undefined]])(
    'is told for how long: %s is no time',
    async (until) => {
      const { scheduler } = await createRunning({ work: (_args, context) => context.sleep(until as string) });
      const failed = nextEvent(scheduler, 'run.failed');
      await scheduler.addTask({ handler: 'work' });
      expect((await failed).run.error).toMatchObject({ code: 'ASYNCZ_INVALID_OPTION' });
    },
  );

  it('is dead where the code has made a step of its sleep, or the other way round', async () => {
    let isChanged = false;
    const { scheduler, clock } = await createRunning({
      work: async (_args, context) => {
        if (isChanged) await context.step('wait', () => 1);
        else await context.sleep('1h', { name: 'wait' });
      },
    });
    const failed = nextEvent(scheduler, 'run.failed');
    await scheduler.addTask({ handler: 'work', retry: 5 });
    await settle();
    isChanged = true;
    clock.advance(HOUR);
    expect((await failed).run).toMatchObject({ dead: true, error: { code: 'ASYNCZ_STEP_RESULT' } });
  });
});

describe('a run that is snoozed', () => {
  it('is called again from its first line, in the same attempt, as often as its handler asks', async () => {
    let isReady = false;
    const calls: number[] = [];
    const { scheduler, clock } = await createRunning({
      work: async (_args, context) => {
        calls.push(context.attempt);
        if (!isReady) await context.snooze('10m');
        return 'done';
      },
    });
    await scheduler.addTask({ handler: 'work' });
    for (let time = 0; time < 3; time += 1) {
      await settle();
      clock.advance(600_000);
    }
    await settle();
    isReady = true;
    clock.advance(600_000);
    await settle();
    expect(calls).toEqual([1, 1, 1, 1, 1]);
    expect((await scheduler.getRuns()).runs).toMatchObject([{ status: 'succeeded', attempt: 1, result: 'done' }]);
  });

  it('leaves nothing behind in its task', async () => {
    const { scheduler, store } = await createRunning({ work: (_args, context) => context.snooze('10m') });
    await scheduler.addTask({ id: 'a', handler: 'work' });
    await settle();
    expect(store.lookupTask('a')).not.toHaveProperty('state.live.0.steps');
  });

  it('sleeps for a second at the least, so that it does not go round at full speed', async () => {
    let calls = 0;
    const { scheduler, clock } = await createRunning({
      work: (_args, context) => {
        calls += 1;
        return context.snooze(calls % 2 === 0 ? 0 : new Date(0));
      },
    });
    await scheduler.addTask({ id: 'a', handler: 'work' });
    for (let tenths = 0; tenths < 30; tenths += 1) {
      clock.advance(100);
      await settle();
    }
    expect(calls).toBeGreaterThanOrEqual(3);
    expect(calls).toBeLessThanOrEqual(4);
  });
});
