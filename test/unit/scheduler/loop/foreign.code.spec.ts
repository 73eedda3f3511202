import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { AsyncExecutor, isUnstoredResult, UnserializableError } from 'nestjs-asyncz';
import type { Executor, Handler, Serializer } from 'nestjs-asyncz';
import { makeRun, makeTask } from 'nestjs-asyncz/testing';
import { SerializerRegistry } from '../../../../lib/persistence/serializer.registry.js';
import { nextEvent } from '../../../support/events.js';
import { hostileProxy, ODD_THROWS, revokedProxy } from '../../../support/odd.throws.js';
import { triggerOf } from '../../../support/own.trigger.js';
import { RecordingLogger } from '../../../support/recording.logger.js';
import { makeCodec } from '../../persistence/codec.fixtures.js';
import { createRunning, settle } from '../../../support/scheduler.factory.js';
import { HOURLY } from '../../../support/task.factory.js';

const odd = Object.entries(ODD_THROWS);

/** What an executor, a logger, a listener may throw at any time; that one of them rejects is found with unhandled rejections. */
const WAYS: readonly [string, (make: () => unknown) => () => unknown][] = [
  [
    'throws',
    (make) => () => {
      throw make();
    },
  ],
  ['rejects with', (make) => () => Promise.reject(make() as Error)],
];

describe('a scheduler whose handler throws anything', () => {
  it.each(odd)('records the run as failed, tries it again, and goes on: %s', async (_name, make) => {
    const logger = new RecordingLogger();
    let calls = 0;
    const handlers: Record<string, Handler> = {
      odd: () => {
        calls += 1;
        throw make();
      },
      oddLater: async () => {
        await Promise.resolve();
        throw make();
      },
      fine: () => 'fine',
    };
    const { scheduler, clock } = await createRunning(handlers, { logger });
    const failed = nextEvent(scheduler, 'run.failed', ({ willRetry }) => !willRetry);
    await scheduler.addTask({ id: 'odd', handler: 'odd', retry: { attempts: 2, backoff: 'fixed', delay: '1s' } });
    await settle();
    clock.advance(1_000);
    expect((await failed).run).toMatchObject({
      status: 'failed',
      dead: true,
      error: { name: expect.any(String) as string },
    });
    expect(calls).toBe(2);
    const failedLater = nextEvent(scheduler, 'run.failed');
    await scheduler.addTask({ handler: 'oddLater' });
    await failedLater;
    const succeeded = nextEvent(scheduler, 'run.succeeded');
    await scheduler.addTask({ handler: 'fine' });
    await succeeded;
    expect((await scheduler.getRuns({ status: 'failed' })).runs).toHaveLength(3);
    for (const { error } of logger.lines) {
      if (error instanceof Error) expect(typeof `${error.name}${error.message}${error.stack}`).toBe('string');
    }
  });
});

describe('the history of a failed run', () => {
  it.each([
    [
      'a plain object',
      () => ({ statusCode: 400, message: 'bad request', code: 'E_BAD' }),
      { name: 'Error', message: 'bad request', code: 'E_BAD' },
    ],
    [
      'an error of another realm',
      () => runInNewContext('Object.assign(new TypeError("far"), { code: "E_FAR" })') as unknown,
      { name: 'TypeError', message: 'far', code: 'E_FAR', stack: expect.stringContaining('TypeError: far') as string },
    ],
    [
      'an error with a cause',
      () => new Error('could not send', { cause: Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }) }),
      { message: 'could not send', cause: { message: 'refused', code: 'ECONNREFUSED' } },
    ],
    [
      'an AggregateError',
      () => new AggregateError([new Error('first'), new RangeError('second')], 'both failed'),
      { name: 'AggregateError', message: 'both failed', errors: [{ message: 'first' }, { name: 'RangeError' }] },
    ],
  ])('says what was thrown: %s', async (_name, make, error) => {
    const { scheduler } = await createRunning({
      bad: () => {
        throw make();
      },
    });
    const { id } = await scheduler.addTask({ handler: 'bad', trigger: HOURLY });
    const { id: runId } = await scheduler.runTask(id, { wait: true });
    expect((await scheduler.getRuns({ runId })).runs).toMatchObject([{ status: 'failed', error }]);
  });
});

describe('a scheduler whose handler returns anything', () => {
  it.each([
    ['a proxy whose traps throw', hostileProxy],
    ['a proxy that was revoked', revokedProxy],
    ['an object whose parts throw', () => ({ list: [1, hostileProxy()] })],
    [
      'a cycle',
      () => {
        const loop: unknown[] = [];
        loop.push(loop);
        return loop;
      },
    ],
    ['a function', () => () => 1],
    ['a large text', () => 'x'.repeat(5_000_000)],
  ])('records the run as succeeded, with a note in place of the result: %s', async (_name, make) => {
    const { scheduler } = await createRunning({ odd: () => make() });
    const { id } = await scheduler.addTask({ handler: 'odd', trigger: HOURLY });
    const run = await scheduler.runTask(id, { wait: true });
    expect(run).toMatchObject({ status: 'succeeded', error: null });
    expect(isUnstoredResult(run.result)).toBe(true);
  });
});

describe.each(WAYS)('a scheduler whose code of others %s anything', (_way, failing) => {
  it.each(odd)('is not stopped by a listener: %s', async (_name, make) => {
    const { scheduler } = await createRunning({ fine: () => 'fine' });
    scheduler.addListener(failing(make));
    const { id } = await scheduler.addTask({ handler: 'fine', trigger: HOURLY });
    expect(await scheduler.runTask(id, { wait: true })).toMatchObject({ status: 'succeeded' });
  });

  it.each(odd)('is not stopped by a logger: %s', async (_name, make) => {
    const fail = failing(make);
    const logger = { debug: fail, info: fail, warn: fail, error: fail };
    const handlers: Record<string, Handler> = {
      bad: () => {
        throw new Error('no');
      },
    };
    const { scheduler } = await createRunning(handlers, { logger });
    const { id } = await scheduler.addTask({ handler: 'bad', trigger: HOURLY });
    expect(await scheduler.runTask(id, { wait: true })).toMatchObject({ status: 'failed' });
    expect(await scheduler.runTask(id, { wait: true })).toMatchObject({ status: 'failed' });
  });

  it.each(odd)('is not stopped by an executor: %s', async (_name, make) => {
    const executor: Executor = {
      room: 5,
      execute: failing(make) as () => Promise<unknown>,
      shutdown: failing(make) as () => void,
    };
    const { scheduler } = await createRunning(
      { fine: () => 'fine' },
      { executors: { default: new AsyncExecutor(), odd: executor } },
    );
    const { id } = await scheduler.addTask({ handler: 'fine', executor: 'odd', trigger: HOURLY });
    expect(await scheduler.runTask(id, { wait: true })).toMatchObject({ status: 'failed' });
    const other = await scheduler.addTask({ handler: 'fine', trigger: HOURLY });
    expect(await scheduler.runTask(other.id, { wait: true })).toMatchObject({ status: 'succeeded' });
  });

  it.each(odd)('is not stopped by a trigger: %s', async (_name, make) => {
    const logger = new RecordingLogger();
    const fail = failing(make);
    const Own = triggerOf((previous, now) => (previous === null ? now + 1_000 : fail()));
    const { scheduler, clock } = await createRunning({ fine: () => 'fine' }, { logger, triggers: { own: Own } });
    await scheduler.addTask({ id: 'odd', handler: 'fine', trigger: { type: 'own' } as never });
    await scheduler.addTask({ id: 'fine', handler: 'fine', trigger: { type: 'interval', seconds: 1 } });
    const problem = nextEvent(scheduler, 'task.problem');
    const succeeded = nextEvent(scheduler, 'run.succeeded', ({ taskId }) => taskId === 'fine');
    clock.advance(1_000);
    expect(await problem).toMatchObject({ taskId: 'odd' });
    await succeeded;
    expect(logger.of('warn', /The task "odd" is postponed/)).toHaveLength(1);
    expect(await scheduler.getTaskInfo('odd')).toMatchObject({ problem: { count: 1 } });
  });

  it.each(odd)('is not stopped by what a handler says of retries, or by a back-off: %s', async (_name, make) => {
    const fail = failing(make) as () => never;
    const { scheduler } = await createRunning({}, { backoffs: { own: fail } });
    const bad = () => {
      throw new Error('no');
    };
    scheduler.registerHandler('retryOn', bad, { retryOn: fail });
    scheduler.registerHandler('abortOn', bad, { abortOn: fail });
    scheduler.registerHandler('backoff', bad);
    for (const handler of ['retryOn', 'abortOn', 'backoff']) {
      const { id } = await scheduler.addTask({ handler, trigger: HOURLY, retry: { attempts: 3, backoff: 'own' } });
      expect(await scheduler.runTask(id, { wait: true })).toMatchObject({ status: 'failed', dead: true, attempt: 1 });
    }
  });

  it.each(odd)('is not stopped by a serializer: %s', (_name, make) => {
    const serializer: Serializer = {
      name: 'own',
      serialize: failing(make) as () => string,
      deserialize: failing(make) as () => unknown,
    };
    const serializers = new SerializerRegistry();
    serializers.register(serializer);
    const codec = makeCodec({ serializers }, { serializer: 'own' });
    expect(() => codec.encodeTask(makeTask('t', { args: [1] }))).toThrow(UnserializableError);
    const { result } = codec.decodeRun(codec.encodeRun(makeRun('r', { result: 1 })));
    expect(isUnstoredResult(result)).toBe(true);
  });
});

describe.each(WAYS)('a listener of an aborted signal that %s anything', (_way, failing) => {
  it.each(odd)('ends no process, is told of, and keeps no other listener from its call: %s', async (_name, make) => {
    const logger = new RecordingLogger();
    const fail = failing(make) as () => void;
    const called: string[] = [];
    const { scheduler, clock } = await createRunning(
      {
        work: (_args, { signal }) =>
          new Promise((_, reject) => {
            const removed = () => called.push('removed');
            signal.addEventListener('abort', removed);
            signal.addEventListener('abort', fail);
            signal.addEventListener('abort', { handleEvent: fail }, { once: true });
            signal.onabort = fail;
            signal.addEventListener('abort', () => {
              called.push('last');
              reject(signal.reason as Error);
            });
            signal.removeEventListener('abort', removed);
          }),
      },
      { logger },
    );
    const failed = nextEvent(scheduler, 'run.failed');
    await scheduler.addTask({ handler: 'work', timeout: '1s' });
    await settle();
    clock.advance(1_000);
    expect((await failed).run).toMatchObject({ error: { code: 'ASYNCZ_RUN_TIMEOUT' } });
    await settle();
    expect(called).toEqual(['last']);
    expect(logger.of('error', /A listener of the signal of run/)).toHaveLength(3);
  });
});
