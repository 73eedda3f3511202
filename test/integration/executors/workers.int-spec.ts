import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  isUnstoredResult,
  ProcessExecutor,
  RetryLaterError,
  Scheduler,
  WorkerBootError,
  WorkerExecutor,
} from 'nestjs-asyncz';
import type { Executor, RunInfo } from 'nestjs-asyncz';
import { until } from 'nestjs-asyncz/testing';
import { nextEvent, recordEvents } from '../../support/events.js';
import { RecordingLogger } from '../../support/recording.logger.js';
import { workerModule } from '../../support/worker.modules.js';

vi.mock('../../../lib/executors/pool/worker.file.js', async () => {
  const { builtWorkerFile } = await import('../../support/worker.modules.js');
  return builtWorkerFile();
});

const MAX_RESULT_BYTES = 10_000;
const limits = { resourceLimits: { maxOldGenerationSizeMb: 48 } };

const KINDS: readonly { readonly kind: string; readonly pool: (module: URL, count: number) => Executor }[] = [
  { kind: 'threads', pool: (module, threads) => new WorkerExecutor({ module, threads, ...limits }) },
  { kind: 'processes', pool: (module, processes) => new ProcessExecutor({ module, processes, ...limits }) },
];

/** Something runs there until the test is over, or its worker ends. */
async function start(executor: Executor) {
  const logger = new RecordingLogger();
  const scheduler = new Scheduler({
    executors: { cpu: executor },
    logger,
    abortGrace: '1s',
    maxPayloadBytes: MAX_RESULT_BYTES,
  });
  await scheduler.start();
  let count = 0;
  const add = async (handler: string, args: readonly unknown[] = [], options: object = {}) => {
    count += 1;
    const id = `${handler}-${count}`;
    await scheduler.addTask({
      id,
      handler,
      args,
      executor: 'cpu',
      trigger: { type: 'interval', hours: 1 },
      ...options,
    });
    return id;
  };
  const run = async (...task: Parameters<typeof add>): Promise<RunInfo> =>
    scheduler.runTask(await add(...task), { wait: true, timeout: '90s' });
  return { scheduler, logger, add, run };
}

for (const { kind, pool } of KINDS) {
  describe(`an executor of ${kind}`, () => {
    let own: Awaited<ReturnType<typeof start>>;
    beforeAll(async () => {
      own = await start(pool(await workerModule('odd'), 2));
    });
    afterAll(() => own.scheduler.shutdown(0));

    it('calls an exported function with the arguments of the task', async () => {
      expect(await own.run('add', [1, 2])).toMatchObject({ status: 'succeeded', result: 3 });
    });

    it('refuses a generator, which stays in one process', async () => {
      expect(await own.run('generate')).toMatchObject({ status: 'failed', error: { code: 'ASYNCZ_LIFECYCLE' } });
    });

    it('replaces a worker that calls process.exit, fails its run, and goes on with the others', async () => {
      const other = await own.add('wait');
      const waiting = nextEvent(own.scheduler, 'run.progress', ({ taskId }) => taskId === other);
      const otherRun = await own.scheduler.runTask(other);
      await waiting;
      const { status, error } = await own.run('exit', [3]);
      expect([status, error?.name, error?.code]).toEqual(['failed', 'WorkerEndedError', 'ASYNCZ_WORKER_ENDED']);
      expect(error!.message).toContain('ended with exit code 3.');
      // The other one has not ended with it.
      const ended = nextEvent(own.scheduler, 'run.cancelled', ({ taskId }) => taskId === other);
      await own.scheduler.cancelRun(otherRun);
      await ended;
      expect(await own.run('add', [3, 4])).toMatchObject({ result: 7 });
    });

    it('tries a run whose worker crashed again, as the task says', async () => {
      const run = await own.run('exit', [4], { retry: { attempts: 2, delay: 1 } });
      expect(run).toMatchObject({ status: 'failed', attempt: 2, dead: true });
    });

    it('says what was thrown outside of the handler, and ended its worker', async () => {
      const { error } = await own.run('throwOutside');
      expect(error).toMatchObject({
        name: 'WorkerEndedError',
        cause: { name: 'TypeError', message: 'thrown in a timer' },
      });
    });

    it('fails a run that takes more memory than its worker may have', async () => {
      const { status, error } = await own.run('eatMemory');
      expect([status, error?.name]).toEqual(['failed', 'WorkerEndedError']);
      expect(error!.message).toMatch(/out of memory/);
    });

    it('ends an endless loop within a second of its timeout', async () => {
      const id = await own.add('spin', [], { timeout: '300ms' });
      const started = nextEvent(own.scheduler, 'run.started', ({ taskId }) => taskId === id).then(() =>
        performance.now(),
      );
      const { error } = await own.scheduler.runTask(id, { wait: true, timeout: '90s' });
      const took = performance.now() - (await started);
      expect(error).toMatchObject({ name: 'RunTimeoutError', cause: { name: 'WorkerEndedError' } });
      console.log(`${kind}: a loop with a timeout of 300 ms was ended after ${Math.round(took)} ms`);
      // Half a second for an answer, and the rest for a busy machine.
      expect(took).toBeLessThan(5_000);
    });

    it('ends an endless loop that is cancelled', async () => {
      const id = await own.add('spin');
      const started = nextEvent(own.scheduler, 'run.started', ({ taskId }) => taskId === id);
      const ended = nextEvent(own.scheduler, 'run.cancelled', ({ taskId }) => taskId === id);
      const runId = await own.scheduler.runTask(id);
      await started;
      await own.scheduler.cancelRun(runId);
      await ended;
    });

    it('ends a handler that does not heed its signal when its grace is over, and has its place back', async () => {
      const { error } = await own.run('hang', [], { timeout: '100ms' });
      expect(error).toMatchObject({ name: 'RunTimeoutError' });
      await until(async () => (await own.scheduler.getSchedulerInfo()).executors[0]!.room === 2, {
        what: 'both places',
      });
      expect((await own.scheduler.getSchedulerInfo()).abandoned).toEqual([]);
    });

    it('keeps a listener of the signal that throws from ending the worker', async () => {
      const id = await own.add('listenBadly');
      const listens = nextEvent(own.scheduler, 'run.progress', ({ taskId }) => taskId === id);
      const ended = nextEvent(own.scheduler, 'run.succeeded', ({ taskId }) => taskId === id);
      const runId = await own.scheduler.runTask(id);
      await listens;
      await own.scheduler.cancelRun(runId);
      expect((await ended).run.result).toBe('ended');
    });

    it('replaces a worker that ends when its run is over', async () => {
      expect(await own.run('exitLater')).toMatchObject({ status: 'succeeded' });
      await until(
        () => own.logger.of('error', /A worker of executor "cpu" ended with exit code 7; it is replaced/).length > 0,
        {
          what: 'the end of the worker',
        },
      );
      expect(await own.run('add', [5, 6])).toMatchObject({ result: 11 });
    });

    it('keeps a note in place of a result that cannot leave the worker, or is too large', async () => {
      const [odd, large] = [await own.run('giveFunction'), await own.run('giveMuch', [MAX_RESULT_BYTES + 1])];
      expect([odd.status, large.status]).toEqual(['succeeded', 'succeeded']);
      expect([odd.result, large.result].map((one) => isUnstoredResult(one) && one.reason)).toEqual([
        'unserializable',
        'too-large',
      ]);
    });

    it('lets errors of the handler decide about retries', async () => {
      const retry = { attempts: 3, delay: 1 };
      expect(await own.run('giveUp', [], { retry })).toMatchObject({
        attempt: 1,
        dead: true,
        error: { message: 'of no use' },
      });
      const failed = nextEvent(own.scheduler, 'run.failed');
      expect(await own.run('askLater', [], { retry })).toMatchObject({ attempt: 3, error: { message: 'come again' } });
      expect((await failed).error).toBeInstanceOf(RetryLaterError);
    });

    it('leaves progress and lines out that come too fast, but for the last, and says so', async () => {
      const events = recordEvents(own.scheduler);
      await own.run('flood');
      const values = events.flatMap((event) => (event.name === 'run.progress' ? [event.value as number] : []));
      expect(values.at(-1)).toBe(20_000);
      expect(values.length).toBeLessThan(1_000);
      expect(values).toEqual(values.toSorted((a, b) => a - b));
      await own.run('floodLog');
      const lines = own.logger.of('info', /line \d+$/);
      expect(lines.at(-1)).toMatch(/line 1000$/);
      expect(own.logger.of('warn', /\d+ lines were left out before the one above/)).toHaveLength(1);
    });

    it('refuses progress that cannot leave the worker', async () => {
      const { error } = await own.run('progressWith');
      expect(error).toMatchObject({ code: 'ASYNCZ_INVALID_OPTION' });
      expect(error!.message).toContain('Invalid progress(): ');
    });

    it('refuses a task whose handler its module does not have, and one for another executor', async () => {
      await expect(own.add('nowhere')).rejects.toThrow('Unknown handler "nowhere". Known: "add", ');
      await expect(own.add('add', [], { executor: 'default' })).rejects.toThrow(
        'Unknown handler "add". Known: (none). It is in the module of executor "cpu": give the task that executor.',
      );
    });
  });

  describe(`a Nest module on ${kind}`, () => {
    it('is closed when the scheduler stops, and what it logs is in the log of the scheduler', async () => {
      const { scheduler, logger } = await start(pool(await workerModule('nest'), 1));
      await scheduler.shutdown();
      expect(logger.of('debug', /^\[cpu\] reports are closed Reports$/)).toHaveLength(1);
      expect(logger.of('error')).toEqual([]);
    });
  });

  describe(`a module that does not boot, on ${kind},`, () => {
    it('is reported at the start, and its tasks wait until it boots', async () => {
      const module = await workerModule('unbootable');
      const { scheduler, logger, add } = await start(pool(module, 2));
      onTestFinished(() => scheduler.shutdown(0));
      expect(logger.of('error')).toEqual([
        expect.stringMatching(/^Executor "cpu" takes no runs: its module does not boot/),
      ]);
      const { error } = logger.lines.find(({ level }) => level === 'error')!;
      expect(error).toBeInstanceOf(WorkerBootError);
      expect((error as Error).message).toContain('the database of the worker is not there');
      expect((await scheduler.getSchedulerInfo()).executors[0]).toEqual({ alias: 'cpu', running: 0, room: 0 });
      // Another scheduler may have it: so it is stored, and waits.
      const id = await add('somewhere');
      const runId = await scheduler.runTask(id);
      expect((await scheduler.getTaskInfo(id))!.state).not.toBe('running');
      expect(runId).toContain(id);
    });
  });
}
