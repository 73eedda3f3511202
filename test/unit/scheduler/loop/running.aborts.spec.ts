import { addAbortListener, EventEmitter, once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { LeaseLostError, RunTimeoutError, ShutdownError } from 'nestjs-asyncz';
import { nextEvent } from '../../../support/events.js';
import { takeOver } from '../../../support/take-over.js';
import { createScheduler, settle, START } from '../../../support/scheduler.factory.js';

describe('a running scheduler', () => {
  it('aborts a run that takes too long and records it as failed, even when it ignores its signal', async () => {
    const { scheduler, clock } = createScheduler({ hang: () => new Promise(() => {}) });
    await scheduler.start();
    const failed = nextEvent(scheduler, 'run.failed');
    await scheduler.addTask({ handler: 'hang', timeout: '1s' });
    await settle();
    clock.advance(1_000);
    clock.advance(5_000);
    const event = await failed;
    expect(event.error).toBeInstanceOf(RunTimeoutError);
    expect(event.run).toMatchObject({ status: 'failed', error: { code: 'ASYNCZ_RUN_TIMEOUT' } });
  });

  it('cancels a run under way, and one that waits for its turn', async () => {
    const { scheduler } = createScheduler({
      work: (_args, { signal }) =>
        new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))),
    });
    await scheduler.start();
    await scheduler.addTask({ id: 'c', handler: 'work', trigger: { type: 'interval', hours: 1 } });
    const started = nextEvent(scheduler, 'run.started');
    const first = await scheduler.runTask('c');
    await started;
    const second = await scheduler.runTask('c');
    await scheduler.cancelRun(second);
    const cancelled = nextEvent(scheduler, 'run.cancelled', (event) => event.runId === first);
    await scheduler.cancelRun(first, { actor: 'ann', reason: 'wrong input' });
    expect(await cancelled).toMatchObject({
      run: { status: 'cancelled', error: { message: expect.stringContaining('by ann: wrong input') } },
    });
    expect((await scheduler.getRuns({ status: 'cancelled' })).runs.map(({ id }) => id).sort()).toEqual(
      [first, second].sort(),
    );
  });

  it('aborts a run whose lease is lost and refuses what it ends with', async () => {
    let signal: AbortSignal | undefined;
    const { scheduler, clock, store } = createScheduler({
      work: (_args, context) => {
        signal = context.signal;
        return new Promise((resolve) => signal!.addEventListener('abort', resolve));
      },
    });
    await scheduler.start();
    const started = nextEvent(scheduler, 'run.started');
    const { id } = await scheduler.addTask({ handler: 'work' });
    const { token } = await started;
    takeOver(store, id, START + 3_600_000);
    const fenced = nextEvent(scheduler, 'run.fenced');
    clock.advance(10_000);
    expect(await fenced).toMatchObject({ taskId: id, token });
    expect(signal?.reason).toBeInstanceOf(LeaseLostError);
    await settle();
    expect(store.lookupTask(id)?.state.lease).toMatchObject({ owner: 'other', token: token + 1 });
    expect((await scheduler.getRuns()).runs).toEqual([]);
  });

  it('waits at shutdown for the runs under way, then aborts them and gives them back', async () => {
    let signal: AbortSignal | undefined;
    const { scheduler, clock, store } = createScheduler({
      work: (_args, context) => {
        signal = context.signal;
        return new Promise((_resolve, reject) =>
          signal!.addEventListener('abort', () => reject(signal!.reason as Error)),
        );
      },
    });
    await scheduler.start();
    const started = nextEvent(scheduler, 'run.started');
    const { id } = await scheduler.addTask({ handler: 'work' });
    await started;
    const stopped = scheduler.shutdown(5_000);
    await settle();
    expect(signal?.aborted).toBe(false);
    clock.advance(5_000);
    await stopped;
    expect(signal?.reason).toBeInstanceOf(ShutdownError);
    expect(store.lookupTask(id)?.state.live).toMatchObject([{ status: 'waiting', attempt: 2, owner: null }]);
  });

  it('gives handlers a signal that everything of Node and the web obeys', async () => {
    const obeyed: string[] = [];
    const { scheduler, clock } = createScheduler({
      work: async (_args, { signal }) => {
        const obey = (name: string, work: Promise<unknown>) =>
          work.catch((error: unknown) => obeyed.push(`${name} ${(error as Error).name}`));
        const aborted = new Promise<void>((resolve) => void addAbortListener(signal, () => resolve()));
        await Promise.all([
          obey('timer', setTimeout(3_600_000, null, { signal })),
          obey('event', once(new EventEmitter(), 'never', { signal })),
          obey(
            'any',
            setTimeout(3_600_000, null, { signal: AbortSignal.any([signal, AbortSignal.timeout(3_600_000)]) }),
          ),
          aborted.then(() => obeyed.push('listener')),
        ]);
        signal.throwIfAborted();
      },
    });
    await scheduler.start();
    const failed = nextEvent(scheduler, 'run.failed');
    await scheduler.addTask({ handler: 'work', timeout: '1s' });
    await settle();
    clock.advance(1_000);
    expect((await failed).error).toBeInstanceOf(RunTimeoutError);
    expect(obeyed.toSorted()).toEqual(['any AbortError', 'event AbortError', 'listener', 'timer AbortError']);
  });
});
