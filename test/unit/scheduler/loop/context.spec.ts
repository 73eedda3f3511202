import { describe, expect, it } from 'vitest';
import { TaskContext } from 'nestjs-asyncz';
import type { Handler, TaskLog } from 'nestjs-asyncz';
import { nextEvent } from '../../../support/events.js';
import { HOURLY } from '../../../support/task.factory.js';
import { createRunning, settle, START } from '../../../support/scheduler.factory.js';

/** Runs a handler that reads the context once for each call of `runTask`. */
async function reading<T>(read: (context: TaskContext) => T | Promise<T>, result?: (call: number) => unknown) {
  const seen: T[] = [];
  const handler: Handler = async (_args, context) => {
    seen.push(await read(context));
    return result?.(seen.length);
  };
  return { seen, ...(await createRunning({ work: handler }, { identity: 'node-1' })) };
}

describe('the context of a run', () => {
  it('says which scheduler and store it belongs to, and when it started', async () => {
    const { scheduler, clock, seen } = await reading(({ scheduler, store, startedAt, latenessMs }) => ({
      scheduler,
      store,
      startedAt,
      latenessMs,
    }));
    scheduler.pause();
    const done = nextEvent(scheduler, 'run.succeeded');
    await scheduler.addTask({ handler: 'work', trigger: { type: 'date', runAt: START + 1_000 } });
    clock.advance(61_000);
    scheduler.resume();
    const { run } = await done;
    const startedAt = new Date(START + 61_000);
    expect(seen).toEqual([{ scheduler: 'node-1', store: 'default', startedAt, latenessMs: 60_000 }]);
    expect(run.startedAt).toBe(startedAt.getTime());
  });

  it('says when the timeout will abort the run, and that none will', async () => {
    const { scheduler, clock, seen } = await reading((context) => {
      clock.advance(2_000);
      return context.deadline;
    });
    await scheduler.addTask({ id: 'limited', handler: 'work', trigger: HOURLY, timeout: '1m' });
    await scheduler.addTask({ id: 'free', handler: 'work', trigger: HOURLY });
    await scheduler.runTask('limited', { wait: true });
    await scheduler.runTask('free', { wait: true });
    expect(seen).toEqual([new Date(START + 60_000), null]);
  });

  it('says at the last attempt that no other follows', async () => {
    const seen: boolean[] = [];
    const failing: Handler = (_args, { isLastAttempt }) => {
      seen.push(isLastAttempt);
      throw new Error('no');
    };
    const { scheduler, clock } = await createRunning({ failing });
    const dead = nextEvent(scheduler, 'run.failed', ({ willRetry }) => !willRetry);
    await scheduler.addTask({ handler: 'failing', retry: { attempts: 3, backoff: 'fixed', delay: '1s' } });
    for (let attempt = 1; attempt < 3; attempt += 1) {
      await settle();
      clock.advance(1_000);
    }
    await dead;
    expect(seen).toEqual([false, false, true]);
  });

  it('says at once that the only attempt is the last', async () => {
    const { scheduler, seen } = await reading(({ isLastAttempt }) => isLastAttempt);
    const { id } = await scheduler.addTask({ handler: 'work', trigger: HOURLY });
    await scheduler.runTask(id, { wait: true });
    expect(seen).toEqual([true]);
  });

  it('has the run before it, and reads what that returned only when it is asked to', async () => {
    let reads = 0;
    const { scheduler, clock, store, seen } = await reading(
      async (context) => ({ previous: context.previousRun, reads, result: await context.previousResult() }),
      (call) => ({ call }),
    );
    const runs = store.runs.bind(store);
    store.runs = (...query: Parameters<typeof runs>) => {
      reads += 1;
      return runs(...query);
    };
    await scheduler.addTask({ id: 'often', handler: 'work', trigger: { type: 'interval', minutes: 1 } });
    for (let minute = 1; minute <= 2; minute += 1) {
      const done = nextEvent(scheduler, 'run.succeeded');
      clock.advance(60_000);
      await done;
    }
    const first = new Date(START + 60_000);
    expect(seen).toEqual([
      { previous: null, reads: 0, result: undefined },
      {
        previous: { runId: `often@${first.toISOString()}`, status: 'succeeded', startedAt: first, endedAt: first },
        reads: 0,
        result: { call: 1 },
      },
    ]);
    expect(reads).toBe(1);
  });

  it('has the failed attempt before it, which returned nothing', async () => {
    const seen: unknown[] = [];
    const handler: Handler = async (_args, context) => {
      if (context.attempt === 1) throw new Error('no');
      seen.push(context.previousRun?.status, await context.previousResult());
    };
    const { scheduler, clock } = await createRunning({ handler });
    const done = nextEvent(scheduler, 'run.succeeded');
    await scheduler.addTask({ handler: 'handler', retry: { attempts: 2, backoff: 'fixed', delay: '1s' } });
    await settle();
    clock.advance(1_000);
    await done;
    expect(seen).toEqual(['failed', undefined]);
  });

  it('finds no result of a run that is not kept', async () => {
    const { scheduler, clock, seen } = await reading(
      async (context) => [context.previousRun?.status, await context.previousResult()],
      () => 'kept nowhere',
    );
    await scheduler.addTask({ handler: 'work', trigger: { type: 'interval', minutes: 1 }, history: 'failures' });
    for (let minute = 1; minute <= 2; minute += 1) {
      const done = nextEvent(scheduler, 'run.succeeded');
      clock.advance(60_000);
      await done;
    }
    expect(seen).toEqual([
      [undefined, undefined],
      ['succeeded', undefined],
    ]);
  });

  it('has a key that all attempts of a run share, and no other run', async () => {
    const keys: string[] = [];
    const handler: Handler = (_args, { idempotencyKey, attempt }) => {
      keys.push(idempotencyKey);
      if (attempt === 1) throw new Error('no');
    };
    const { scheduler, clock } = await createRunning({ handler });
    const task = { handler: 'handler', retry: { attempts: 2, backoff: 'fixed', delay: '1s' } } as const;
    for (const id of ['rechnung für Zoë', 'b']) {
      const done = nextEvent(scheduler, 'run.succeeded');
      await scheduler.addTask({ id, ...task });
      await settle();
      clock.advance(1_000);
      await done;
    }
    expect(keys).toHaveLength(4);
    expect(keys[0]).toBe(keys[1]);
    expect(keys[2]).toBe(keys[3]);
    expect(keys[0]).not.toBe(keys[2]);
    for (const key of keys) expect(key).toMatch(/^[0-9a-f]{64}$/);
  });

  it('is there in code that the handler calls, however late that asks', async () => {
    const below = async () => {
      await new Promise(setImmediate);
      return TaskContext.current()?.task.id;
    };
    const { scheduler, seen } = await reading(below);
    for (const id of ['one', 'two']) await scheduler.addTask({ id, handler: 'work', trigger: HOURLY });
    await Promise.all(['one', 'two'].map((id) => scheduler.runTask(id, { wait: true })));
    expect(new Set(seen)).toEqual(new Set(['one', 'two']));
    expect(TaskContext.current()).toBeUndefined();
  });

  it('keeps what the handler logs with the run, through all that asks for the log', async () => {
    const logs: TaskLog[] = [];
    const { scheduler, clock } = await reading((context) => {
      context.log.log('first');
      clock.advance(5);
      TaskContext.current()!.log.warn('second');
      logs.push(context.log);
    });
    const { id } = await scheduler.addTask({ id: 'mine', handler: 'work', trigger: HOURLY });
    await scheduler.runTask(id, { wait: true });
    await scheduler.runTask(id, { wait: true });
    expect(logs.map(({ lines }) => lines.map(({ message }) => message))).toEqual([
      ['first', 'second'],
      ['first', 'second'],
    ]);
  });
});
