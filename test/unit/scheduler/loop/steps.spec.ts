import { describe, expect, it } from 'vitest';
import {
  DuplicateStepError,
  MemoryStore,
  NonRetryableError,
  Scheduler,
  StepLimitError,
  StepOutsideRunError,
} from 'nestjs-asyncz';
import type { Handler, TaskContext, TaskOptions } from 'nestjs-asyncz';
import type { Apply, Selection, Transacted } from 'nestjs-asyncz/store';
import { makeTask } from 'nestjs-asyncz/testing';
import { BlockableClock } from '../../../support/blockable.clock.js';
import { nextEvent } from '../../../support/events.js';
import { HookedStore } from '../../../support/hooked.store.js';
import { MemoryCluster, pass } from '../../../support/memory.cluster.js';
import { createRunning, createScheduler, settle, START, stopAfterTest } from '../../../support/scheduler.factory.js';
import { takeOver } from '../../../support/take-over.js';

const LEASE_MS = 30_000;
const RETRY: Partial<TaskOptions> = { retry: { attempts: 5, backoff: 'fixed', delay: '1s' } };

/** A handler of two steps, which counts them, and fails after them as often as it is told. */
function twoSteps(failures: number) {
  const counts = { charge: 0, mail: 0, attempts: 0 };
  const results: unknown[] = [];
  const work: Handler = async (_args, context) => {
    counts.attempts += 1;
    const charged = await context.step('charge', () => ({ id: `c${(counts.charge += 1)}`, at: new Date(5) }));
    results.push(charged);
    if (counts.attempts <= failures) throw new Error('after the charge');
    return context.step('mail', () => `mail ${(counts.mail += 1)} of ${charged.id}`);
  };
  return { work, counts, results };
}

/** The error that the only run of a handler ends with, and whether it is dead. */
async function endOf(work: Handler): Promise<{ code: string | null | undefined; dead: boolean; message?: string }> {
  const { scheduler } = await createRunning({ work });
  const failed = nextEvent(scheduler, 'run.failed');
  await scheduler.addTask({ handler: 'work', ...RETRY });
  const { run } = await failed;
  return { code: run.error?.code, dead: run.dead, message: run.error!.message };
}

describe('a step', () => {
  it('is done once: the next attempt gets its result back', async () => {
    const { work, counts, results } = twoSteps(2);
    const { scheduler, clock } = await createRunning({ work });
    await scheduler.addTask({ handler: 'work', ...RETRY });
    for (let second = 0; second < 3; second += 1) {
      await settle();
      clock.advance(1_000);
    }
    await settle();
    expect(counts).toEqual({ charge: 1, mail: 1, attempts: 3 });
    const first = { id: 'c1', at: new Date(5) };
    expect(results).toEqual([first, first, first]);
    const [run] = (await scheduler.getRuns()).runs;
    expect(run).toMatchObject({ status: 'succeeded', attempt: 3, result: 'mail 1 of c1' });
  });

  it('gives back a copy, the same the first time as later', async () => {
    const given = { list: [1], map: new Map([['a', 1n]]), none: undefined };
    const got: unknown[] = [];
    const { scheduler } = await createRunning({
      work: async (_args, context) => {
        got.push(await context.step('one', () => given), await context.step('nothing', () => {}));
      },
    });
    const ended = nextEvent(scheduler, 'run.succeeded');
    await scheduler.addTask({ handler: 'work' });
    await ended;
    expect(got).toEqual([given, undefined]);
    expect(got[0]).not.toBe(given);
  });

  it('runs again when it has thrown, and the handler may go on without it', async () => {
    let tries = 0;
    const { scheduler, clock } = await createRunning({
      flaky: async (_args, context) => {
        const failed = await context
          .step('flaky', () => {
            tries += 1;
            throw new Error(`no ${tries}`);
          })
          .catch((error: Error) => error.message);
        if (context.attempt === 1) throw new Error('again');
        return failed;
      },
    });
    await scheduler.addTask({ handler: 'flaky', ...RETRY });
    await settle();
    const ended = nextEvent(scheduler, 'run.succeeded');
    clock.advance(1_000);
    expect((await ended).run.result).toBe('no 2');
  });

  it('is kept when its process dies, and when the run is done nothing is left of it', async () => {
    const cluster = new MemoryCluster();
    const { work, counts } = twoSteps(0);
    const store = new HookedStore(cluster.disk);
    const first: Handler = async (_args, context) => {
      await context.step('charge', () => ({ id: 'of the dead', at: new Date(5) }));
      await new Promise(() => {});
    };
    const dead = await cluster.join('dead', { work: first }, { store });
    await dead.addTask({ id: 'a', handler: 'work' });
    await settle();
    // Nobody hears of it any more: its lease expires.
    store.before.transact = () => {
      throw new Error('cut off');
    };
    const next = await cluster.join('next', { work });
    const ended = nextEvent(next, 'run.succeeded');
    await pass(cluster, LEASE_MS + 5_000, 1_000);
    expect((await ended).run).toMatchObject({ attempt: 2, result: 'mail 1 of of the dead' });
    expect(counts).toMatchObject({ charge: 0, mail: 1 });
    expect(await next.getTask('a')).toBeNull();
  });

  it('is kept when a shutdown gives the run back', async () => {
    const cluster = new MemoryCluster();
    const { work, counts } = twoSteps(0);
    const stopped = await cluster.join('stopped', {
      work: async (_args, context) => {
        await context.step('charge', () => ({ id: 'before the stop', at: new Date(5) }));
        await new Promise((_resolve, reject) => {
          context.signal.addEventListener('abort', () => reject(context.signal.reason as Error));
        });
      },
    });
    await stopped.addTask({ handler: 'work' });
    await settle();
    const stopping = stopped.shutdown(0);
    await pass(cluster, 1_000);
    await stopping;
    const next = await cluster.join('next', { work });
    const ended = nextEvent(next, 'run.succeeded');
    await pass(cluster, 1_000);
    expect((await ended).run.result).toBe('mail 1 of before the stop');
    expect(counts.charge).toBe(0);
  });

  it('is kept with a dead run: redriven, that goes on after it', async () => {
    let isBroken = true;
    let charges = 0;
    const { scheduler } = await createRunning({
      work: async (_args, context) => {
        await context.step('charge', () => (charges += 1));
        if (isBroken) throw new Error('no');
        return charges;
      },
    });
    await scheduler.addTask({ id: 'a', handler: 'work' });
    await settle();
    expect(await scheduler.getTask('a')).toBeNull();
    isBroken = false;
    const ended = nextEvent(scheduler, 'run.succeeded');
    const [{ id } = { id: '' }] = (await scheduler.getRuns({ dead: true })).runs;
    await scheduler.redriveRun(id);
    expect((await ended).run.result).toBe(1);
  });

  it('writes the claim of a run that has started without that, in the same change', async () => {
    const store = new MemoryStore();
    const seen: unknown[] = [];
    const { scheduler } = createScheduler(
      {
        work: async (_args, context) => {
          seen.push(store.lookupTask('a'));
          await context.step('one', () => 1);
          seen.push(store.lookupTask('a'));
        },
      },
      { store, startPaused: true },
    );
    await scheduler.start();
    store.addTask(makeTask('a', { nextRunTime: START }));
    const ended = nextEvent(scheduler, 'run.succeeded');
    scheduler.resume();
    await ended;
    expect(seen[0]).toMatchObject({ state: { lease: { token: expect.any(Number) }, live: [] } });
    expect(seen[1]).toMatchObject({ state: { lease: null, live: [{ status: 'running', steps: [{ name: 'one' }] }] } });
  });

  it('is written once where many are over at the same time', async () => {
    let writes = 0;
    class CountingStore extends MemoryStore {
      override transact<T>(selection: Selection, apply: Apply<T>): Transacted<T> {
        if ('ids' in selection && !selection.ids[0]!.startsWith('asyncz:')) writes += 1;
        return super.transact(selection, apply);
      }
    }
    const { scheduler } = await createRunning(
      {
        work: (_args, context) =>
          Promise.all([1, 2, 3].map((item) => context.step(`item ${item}`, () => Promise.resolve(item)))),
      },
      { store: new CountingStore() },
    );
    const ended = nextEvent(scheduler, 'run.succeeded');
    await scheduler.addTask({ handler: 'work' });
    expect((await ended).run.result).toEqual([1, 2, 3]);
    expect(writes).toBe(1);
  });

  it('is tried to be kept again while the store fails, and not done again', async () => {
    const cluster = new MemoryCluster();
    const store = new HookedStore(cluster.disk);
    let charges = 0;
    const scheduler = await cluster.join(
      'one',
      { work: (_args, context) => context.step('charge', () => (charges += 1)) },
      { store },
    );
    let failures = 3;
    const fail = (selection: Selection) => {
      if ('due' in selection || charges === 0 || failures === 0) return;
      failures -= 1;
      throw new Error('away');
    };
    // The first has written, and its answer is lost; the others have not.
    store.after.transact = (selection) => (failures === 3 ? fail(selection) : undefined);
    store.before.transact = (selection) => (failures < 3 ? fail(selection) : undefined);
    const ended = nextEvent(scheduler, 'run.succeeded');
    await scheduler.addTask({ handler: 'work' });
    await pass(cluster, 5_000);
    expect((await ended).run.result).toBe(1);
    expect([charges, failures]).toEqual([1, 0]);
  });

  it('aborts the run when its lease is lost, and so does one that is begun too late', async () => {
    const { scheduler, store, clock } = await createRunning({
      work: async (_args, context) => {
        const done = context.step('first', () => {
          takeOver(store, 'a', clock.now() + LEASE_MS);
          return 1;
        });
        const first = await done.catch((error: unknown) => error);
        const second = await context.step('second', () => 2).catch((error: unknown) => error);
        seen.push(first, second, context.signal.aborted);
        throw first;
      },
    });
    const seen: unknown[] = [];
    const fenced = nextEvent(scheduler, 'run.fenced');
    await scheduler.addTask({ id: 'a', handler: 'work' });
    await fenced;
    await settle();
    expect(seen).toMatchObject([{ code: 'ASYNCZ_LEASE_LOST' }, { code: 'ASYNCZ_LEASE_LOST' }, true]);
    expect(store.lookupTask('a')).not.toHaveProperty('state.live.0.steps');
  });

  it('is not begun by a process that was frozen for longer than its lease', async () => {
    let charges = 0;
    const clock = new BlockableClock(START);
    const scheduler = new Scheduler({ clock, stores: { default: new MemoryStore() } });
    stopAfterTest(scheduler, clock);
    scheduler.registerHandler('work', async (_args, context) => {
      clock.block(2 * LEASE_MS);
      await context.step('charge', () => (charges += 1));
    });
    const fenced = nextEvent(scheduler, 'run.fenced');
    await scheduler.addTask({ id: 'a', handler: 'work', maxLost: 1 });
    await scheduler.start();
    await fenced;
    await settle();
    expect(charges).toBe(0);
  });

  it('that two of one attempt have the name of makes the run dead, with an error that says so', async () => {
    const end = await endOf(async (_args, context) => {
      await context.step('same', () => 1);
      await context.step('same', () => 2);
    });
    expect(end).toMatchObject({ code: new DuplicateStepError('', '').code, dead: true });
    expect(end.message).toContain('"same"');
  });

  it.each(['', 'x'.repeat(201), 7, undefined, '\ud800'])('has a name: %o is none', async (name) => {
    expect(await endOf((_args, context) => context.step(name as string, () => 1))).toMatchObject({
      code: 'ASYNCZ_INVALID_OPTION',
    });
  });

  it('is a function', async () => {
    expect(await endOf((_args, context) => context.step('a', 5 as never))).toMatchObject({
      code: 'ASYNCZ_INVALID_OPTION',
    });
  });

  it.each<[string, () => unknown, string]>([
    ['a function in it', () => ({ list: [() => 1] }), 'ASYNCZ_STEP_RESULT'],
    ['a cycle', () => cyclic(), 'ASYNCZ_STEP_RESULT'],
    ['more than 64 KiB', () => 'x'.repeat(70_000), 'ASYNCZ_STEP_LIMIT'],
    ['far more than that', () => Array.from({ length: 100_000 }, (_, at) => ({ at })), 'ASYNCZ_STEP_LIMIT'],
  ])('makes the run dead with a result that cannot be kept: %s', async (_what, work, code) => {
    expect(await endOf((_args, context) => context.step('large', work))).toMatchObject({ code, dead: true });
  });

  it('is refused where the steps of a run are too large together, or too many', async () => {
    const many: Handler = async (_args, context) => {
      for (let at = 0; ; at += 1) await context.step(`${at}`, () => at);
    };
    const large: Handler = async (_args, context) => {
      for (let at = 0; ; at += 1) await context.step(`${at}`, () => 'x'.repeat(60_000));
    };
    const { code } = new StepLimitError('', '', '', '');
    expect(await endOf(many)).toMatchObject({ code, dead: true, message: expect.stringContaining('500 steps') });
    expect(await endOf(large)).toMatchObject({ code, dead: true, message: expect.stringContaining('262144 bytes') });
  });

  it('is refused where a task could not be read any more with the steps of all its runs', async () => {
    const { scheduler } = await createRunning(
      { work: (_args, context) => context.step('large', () => 'x'.repeat(6_000)) },
      { maxPayloadBytes: 2_000, maxRecordBytes: 10_000 },
    );
    const failed = nextEvent(scheduler, 'run.failed');
    await scheduler.addTask({ handler: 'work' });
    expect((await failed).run.error).toMatchObject({ code: 'ASYNCZ_STEP_LIMIT' });
  });

  it('is refused when its run is over, and one that nobody awaits ends no process', async () => {
    let leaked: TaskContext | undefined;
    const { scheduler } = await createRunning({
      work: (_args, context) => {
        leaked = context;
        void context.step('left alone', () => Promise.resolve(1));
      },
    });
    const ended = nextEvent(scheduler, 'run.succeeded');
    await scheduler.addTask({ handler: 'work' });
    await ended;
    await settle();
    await expect(leaked!.step('late', () => 1)).rejects.toThrow(StepOutsideRunError);
  });
});

function cyclic(): object {
  const value: { self?: object } = {};
  value.self = value;
  return value;
}

describe('a step with a retry of its own', () => {
  it('is tried again within its attempt, with pauses, and only what is worth it', async () => {
    const tries: string[] = [];
    const { scheduler, clock } = await createRunning({
      work: async (_args, context) => {
        const done = await context.step(
          'flaky',
          () => {
            tries.push(`flaky ${context.attempt}`);
            if (tries.length < 3) throw new Error('no');
            return tries.length;
          },
          { retry: { attempts: 5, backoff: 'fixed', delay: '10s' } },
        );
        const fatal = () => {
          tries.push('fatal');
          throw new NonRetryableError('never');
        };
        await context.step('fatal', fatal, { retry: 3 });
        return done;
      },
    });
    const failed = nextEvent(scheduler, 'run.failed');
    await scheduler.addTask({ handler: 'work', ...RETRY });
    for (let wait = 0; wait < 3; wait += 1) {
      await settle();
      clock.advance(10_000);
    }
    expect((await failed).run).toMatchObject({ attempt: 1, dead: true, error: { message: 'never' } });
    expect(tries).toEqual(['flaky 1', 'flaky 1', 'flaky 1', 'fatal']);
  });

  it('throws what its last try threw', async () => {
    let tries = 0;
    const end = await endOf((_args, context) =>
      context.step(
        'flaky',
        () => {
          throw new Error(`no ${(tries += 1)}`);
        },
        { retry: { attempts: 3, backoff: 'fixed', delay: 0 } },
      ),
    );
    expect(end.message).toBe('no 3');
  });

  it('is not tried again when its run is aborted meanwhile', async () => {
    let tries = 0;
    const { scheduler, clock } = await createRunning({
      work: (_args, context) =>
        context.step(
          'flaky',
          () => {
            tries += 1;
            throw new Error('no');
          },
          { retry: { attempts: 5, delay: '1h' } },
        ),
    });
    const cancelled = nextEvent(scheduler, 'run.cancelled');
    await scheduler.addTask({ id: 'a', handler: 'work' });
    await settle();
    clock.advance(1_000);
    await scheduler.cancelRun((await scheduler.getTask('a'))!.info.live[0]!.id);
    await cancelled;
    expect(tries).toBe(1);
  });

  it.each([{ retry: 0 }, { retry: { attempts: 2, backoff: 'unknown' } }, { retries: 3 }, { retry: 'often' }])(
    'has a retry that can be: %j is none',
    async (options) => {
      const { code } = await endOf((_args, context) => context.step('a', () => 1, options as never));
      expect(code).toMatch(/ASYNCZ_(INVALID|UNKNOWN)_OPTION/);
    },
  );
});

describe('a run whose code has changed', () => {
  it('does the renamed step again, and says which stored ones its handler has not asked for', async () => {
    let isRenamed = false;
    const done: string[] = [];
    const { scheduler, clock } = await createRunning({
      work: async (_args, context) => {
        const step = (name: string) => context.step(name, () => void done.push(name));
        await step('same');
        await step(isRenamed ? 'new name' : 'old name');
        if (!isRenamed) throw new Error('no');
      },
    });
    const reported = nextEvent(scheduler, 'run.steps-unasked');
    await scheduler.addTask({ handler: 'work', ...RETRY });
    await settle();
    isRenamed = true;
    clock.advance(1_000);
    expect((await reported).steps).toEqual(['old name']);
    expect(done).toEqual(['same', 'old name', 'new name']);
  });
});
