import { describe, expect, it } from 'vitest';
import { AsyncExecutor, RunTimeoutError } from 'nestjs-asyncz';
import type { Handler, SchedulerOptions } from 'nestjs-asyncz';
import { nextEvent, recordEvents } from '../../../support/events.js';
import { RecordingLogger } from '../../../support/recording.logger.js';
import { createRunning, createScheduler, settle } from '../../../support/scheduler.factory.js';
import type { TestScheduler } from '../../../support/scheduler.factory.js';
import { HOURLY } from '../../../support/task.factory.js';

/** A handler that obeys no signal, and ends when it is told to. */
class Deaf {
  starts = 0;
  most = 0;
  readonly #ends: (() => void)[] = [];

  readonly handler: Handler = async () => {
    this.starts += 1;
    await new Promise<void>((resolve) => {
      this.#ends.push(resolve);
      this.most = Math.max(this.most, this.#ends.length);
    });
    return 'late';
  };

  async endOne(): Promise<void> {
    this.#ends.shift()!();
    await settle();
  }
}

async function create(deaf: Deaf, options: SchedulerOptions = {}) {
  const logger = new RecordingLogger();
  const handlers = { deaf: deaf.handler, fine: () => 'fine' };
  return { ...(await createRunning(handlers, { logger, ...options })), logger };
}

async function pass({ clock }: TestScheduler, seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second += 1) {
    clock.advance(1_000);
    await settle();
  }
}

describe('a run that takes longer than its timeout', () => {
  it('has failed, also if its handler returns within the grace', async () => {
    const deaf = new Deaf();
    const made = await create(deaf);
    const failed = nextEvent(made.scheduler, 'run.failed');
    await made.scheduler.addTask({ handler: 'deaf', timeout: '1s' });
    await settle();
    await pass(made, 3);
    await deaf.endOne();
    const event = await failed;
    expect(event.error).toBeInstanceOf(RunTimeoutError);
    expect(event.run).toMatchObject({ status: 'failed', error: { code: 'ASYNCZ_RUN_TIMEOUT' } });
    expect(made.logger.of('warn')).toEqual([]);
  });

  it('says what its handler threw after the abort', async () => {
    const { scheduler, clock } = createScheduler({
      work: (_args, { signal }) =>
        new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('rolled back')))),
    });
    await scheduler.start();
    const failed = nextEvent(scheduler, 'run.failed');
    await scheduler.addTask({ handler: 'work', timeout: '1s' });
    await settle();
    clock.advance(1_000);
    expect((await failed).run.error).toMatchObject({
      code: 'ASYNCZ_RUN_TIMEOUT',
      cause: { message: 'rolled back' },
    });
  });

  it.each([
    [undefined, 6],
    ['20s', 21],
    [0, 1],
  ] as const)(
    'fails with an abortGrace of %s after %i s when its handler does not obey',
    async (abortGrace, seconds) => {
      const made = await create(new Deaf(), abortGrace === undefined ? {} : { abortGrace });
      const events = recordEvents(made.scheduler);
      await made.scheduler.addTask({ handler: 'deaf', timeout: '1s' });
      await settle();
      await pass(made, seconds - 1);
      expect(events.some(({ name }) => name === 'run.failed')).toBe(false);
      await pass(made, 1);
      expect(events.some(({ name }) => name === 'run.failed')).toBe(true);
    },
  );

  it('is refused an abortGrace that is no duration, or longer than an hour', () => {
    for (const abortGrace of ['soon', -1, '61m']) {
      expect(() => createScheduler({}, { abortGrace: abortGrace as never })).toThrow(/abortGrace/);
    }
  });
});

describe('beside a handler that still runs although its run is over', () => {
  const often = { type: 'interval', seconds: 10 } as const;

  it('no further run of its task starts here: not the next one, not a retry; it does when the handler has ended', async () => {
    const deaf = new Deaf();
    const made = await create(deaf);
    await made.scheduler.addTask({ id: 'deaf', handler: 'deaf', trigger: often, timeout: '1s', retry: 5 });
    await pass(made, 120);
    expect([deaf.starts, deaf.most]).toEqual([1, 1]);
    await deaf.endOne();
    expect([deaf.starts, deaf.most]).toEqual([2, 1]);
  });

  it.each([
    ['maxInstances: 2', { maxInstances: 2 }, 2],
    ["overlap: 'allow'", { overlap: 'allow' }, 12],
  ] as const)('as many start as the task allows: %s', async (_name, policies, most) => {
    const deaf = new Deaf();
    const made = await create(deaf);
    await made.scheduler.addTask({ id: 'deaf', handler: 'deaf', trigger: often, timeout: '1s', ...policies });
    await pass(made, 120);
    expect(deaf.most).toBe(most);
  });

  it('other tasks go on, in the places that are left, and the place it takes is told of', async () => {
    const deaf = new Deaf();
    const executors = { default: new AsyncExecutor({ concurrency: 2 }) };
    const made = await create(deaf, { executors });
    const { scheduler, logger } = made;
    const { id } = await scheduler.addTask({ handler: 'fine', trigger: HOURLY });
    await scheduler.addTask({ id: 'deaf', handler: 'deaf', timeout: '1s' });
    await settle();
    await pass(made, 6);
    expect(logger.of('warn')).toEqual([
      expect.stringMatching(
        /^The handler "deaf" did not obey .* run "deaf@.*" is over\. .* place in executor "default"/,
      ),
    ]);
    const info = await scheduler.getSchedulerInfo();
    expect(info.abandoned).toMatchObject([{ taskId: 'deaf', handler: 'deaf', executor: 'default', store: 'default' }]);
    expect(info.stores).toMatchObject([{ running: 0, abandoned: 1 }]);
    expect(executors.default.room).toBe(1);
    expect(await scheduler.runTask(id, { wait: true })).toMatchObject({ status: 'succeeded' });
    await pass(made, 150);
    expect(
      logger.of('warn', /Handlers still run although their runs are over: "deaf" \(run "deaf@.*", for [12]m/),
    ).toHaveLength(2);
    await deaf.endOne();
    expect(logger.of('info', /The handler "deaf" has ended/)).toHaveLength(1);
    expect((await scheduler.getSchedulerInfo()).abandoned).toEqual([]);
    await pass(made, 120);
    expect(logger.of('warn', /Handlers still run/)).toHaveLength(2);
  });

  it('hundreds of them are told of in a few lines', async () => {
    const deaf = new Deaf();
    const made = await create(deaf);
    for (let at = 0; at < 90; at += 1) await made.scheduler.addTask({ id: `t${at}`, handler: 'deaf', timeout: '1s' });
    await settle();
    await pass(made, 20);
    expect((await made.scheduler.getSchedulerInfo()).abandoned).toHaveLength(90);
    expect(made.logger.of('warn').length).toBeLessThan(10);
  });
});
