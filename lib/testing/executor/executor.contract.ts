import assert from 'node:assert/strict';
import { LeaseLostError, RunCancelledError } from '../../errors/run.errors.js';
import { codeOf } from '../rejection.js';
import { assertSame } from '../same-value.js';
import type { ExecutorBench } from './executor.bench.js';
import { fieldsOf } from './executor.probes.js';

/** One rule of the contract: throws when the executor breaks it. */
export type ExecutorTest = (bench: ExecutorBench) => Promise<void>;

/** How many jobs the kit executes beside each other at the most. */
const MANY = 8;

const VALUES: readonly unknown[] = [
  undefined,
  null,
  0,
  'text',
  {
    list: [1, { deep: true }],
    at: new Date(5),
    map: new Map([['a', 1n]]),
    set: new Set([1]),
    bytes: new Uint8Array([7]),
  },
];

async function thrownBy(work: Promise<unknown>): Promise<Error & { code?: string }> {
  try {
    await work;
  } catch (error) {
    return error as Error;
  }
  throw new assert.AssertionError({ message: 'The job was to fail, and did not.' });
}

const cancelled = (runId: string) => new RunCancelledError(runId, { at: 5, actor: 'kit', reason: 'enough' });

/** The rules of executors, by the sentence that says what the executor does. */
export const EXECUTOR_CONTRACT: Readonly<Record<string, ExecutorTest>> = {
  'has room for a job once it is started': async ({ executor }) => {
    assert.ok(executor.room >= 1, `its room is ${executor.room}`);
  },

  'gives what the handler returns, at once or later, with the arguments as they are': async (bench) => {
    for (const handler of ['probeEcho', 'probeEchoLater'] as const) {
      for (const value of VALUES) assertSame(await bench.execute(bench.job(handler, [value, 'b'])), [value, 'b']);
    }
  },

  'rejects with what the handler throws, at once or later: name, message, code and cause': async (bench) => {
    for (const handler of ['probeThrow', 'probeThrowLater'] as const) {
      const error = await thrownBy(bench.execute(bench.job(handler)));
      assert.ok(error instanceof TypeError, `it is ${String(error)}`);
      assertSame([error.name, error.message, codeOf(error)], ['TypeError', 'outer', 'E_PROBE']);
      const cause = error.cause as Error;
      assertSame([cause?.name, cause?.message], ['RangeError', 'inner']);
    }
  },

  'has one place less while a job is under way': async (bench) => {
    const { room } = bench.executor;
    const job = bench.job('probeHold');
    const ended = bench.execute(job);
    await bench.until(() => job.told.length > 0, 'the handler to begin');
    const during = bench.executor.room;
    job.abort(cancelled(job.context.runId));
    await ended;
    assert.equal(during, room - 1);
  },

  'gets a place back when its job ends, however that ends': async (bench) => {
    const { room } = bench.executor;
    for (const handler of ['probeEcho', 'probeEchoLater', 'probeThrow', 'probeThrowLater'] as const) {
      await bench.execute(bench.job(handler)).catch(() => {});
      await bench.until(() => bench.executor.room === room, `room for ${room} jobs after ${handler}`);
    }
    const refused = bench.job('probeEcho', [], new LeaseLostError('x'));
    await bench.execute(refused).catch(() => {});
    await bench.until(() => bench.executor.room === room, `room for ${room} jobs after a job that was refused`);
  },

  'executes as many jobs beside each other as it had room for': async (bench) => {
    const count = Math.min(bench.executor.room, MANY);
    const jobs = Array.from({ length: count }, () => bench.job('probeHold'));
    const ends = jobs.map((job) => bench.execute(job));
    await bench.until(() => jobs.every(({ told }) => told.length > 0), `${count} handlers to be under way`);
    for (const job of jobs) job.abort(cancelled(job.context.runId));
    assert.equal((await Promise.all(ends)).length, count);
  },

  'lets a job wait for which there is no place, and not once it is aborted': async (bench) => {
    const { room } = bench.executor;
    // More cannot be filled in a test.
    if (room > MANY) return;
    const jobs = Array.from({ length: room }, () => bench.job('probeHold'));
    const ends = jobs.map((job) => bench.execute(job));
    await bench.until(() => jobs.every(({ told }) => told.length > 0), `${room} handlers to be under way`);
    const [late, cancelledJob] = [bench.job('probeTell'), bench.job('probeTell')];
    const lateEnd = bench.execute(late);
    const reason = cancelled(cancelledJob.context.runId);
    const refused = thrownBy(bench.execute(cancelledJob));
    cancelledJob.abort(reason);
    assert.equal(await refused, reason);
    assertSame([late.invoked(), cancelledJob.invoked()], [0, 0]);
    jobs[0]!.abort(cancelled(jobs[0]!.context.runId));
    await lateEnd;
    for (const job of jobs) job.abort(cancelled(job.context.runId));
    await Promise.all(ends);
    await bench.until(() => bench.executor.room === room, `room for ${room} jobs`);
  },

  'calls invoke once for each job': async (bench) => {
    for (const handler of ['probeEcho', 'probeThrowLater'] as const) {
      const job = bench.job(handler);
      await bench.execute(job).catch(() => {});
      assert.equal(job.invoked(), 1);
    }
  },

  'rejects with what invoke throws, and calls no handler then': async (bench) => {
    const refusal = new LeaseLostError('kit-task@1');
    const job = bench.job('probeTell', [], refusal);
    assert.equal(await thrownBy(bench.execute(job)), refusal);
    await bench.execute(bench.job('probeEcho'));
    assertSame(job.told, []);
  },

  'gives the handler the context of its run': async (bench) => {
    const job = bench.job('probeLook');
    const { seen } = (await bench.execute(job)) as { seen: object };
    assertSame(seen, await fieldsOf(job.context));
  },

  'lets code below the handler ask for the context': async (bench) => {
    const job = bench.job('probeLook');
    const { current } = (await bench.execute(job)) as { current: unknown };
    assertSame(current, [job.context.runId, job.context.runId]);
  },

  'has steps stored with the run, and their work done where the handler is': async (bench) => {
    const job = bench.job('probeSteps');
    const first = { at: new Date(5), runId: job.context.runId };
    assertSame(await bench.execute(job), { first, isTheSame: true });
    // What was stored under the name is there: it does not run again.
    assertSame(await job.source.steps.step('third', () => 'new'), 'new');
    await assert.rejects(
      job.source.steps.step('first', () => 'again'),
      { code: 'ASYNCZ_DUPLICATE_STEP' },
    );
  },

  'takes progress and log lines to the context, in order and before the job ends': async (bench) => {
    const job = bench.job('probeTell');
    await bench.execute(job);
    const prefix = `[${job.context.runId}, attempt ${job.context.attempt}]`;
    assertSame(job.told, [`info: ${prefix} first`, 1, `warn: ${prefix} second`, { at: new Date(5) }]);
    assertSame(
      job.context.log.lines.map(({ level, message }) => [level, message]),
      [
        ['log', 'first'],
        ['warn', 'second'],
      ],
    );
  },

  'aborts the signal of the handler with the reason of the run': async (bench) => {
    const job = bench.job('probeHold');
    const ended = bench.execute(job);
    await bench.until(() => job.told.length > 0, 'the handler to begin');
    const { name, message, code } = cancelled(job.context.runId);
    job.abort(cancelled(job.context.runId));
    assertSame(await ended, { name, message, code });
  },

  'begins with an aborted signal where the run was aborted before': async (bench) => {
    const job = bench.job('probeHold');
    const { name, message, code } = cancelled(job.context.runId);
    job.abort(cancelled(job.context.runId));
    assertSame(await bench.execute(job), { name, message, code });
    assertSame(job.told, []);
  },

  'goes on after jobs that failed': async (bench) => {
    for (let left = 3; left > 0; left -= 1) await thrownBy(bench.execute(bench.job('probeThrowLater')));
    assertSame(await bench.execute(bench.job('probeEchoLater', [1])), [1]);
  },

  'can be shut down as soon as no job is left': async (bench) => {
    await bench.execute(bench.job('probeEcho'));
    await bench.close();
  },
};
