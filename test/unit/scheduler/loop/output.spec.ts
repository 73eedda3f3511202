import { describe, expect, it, vi } from 'vitest';
import { InvalidOptionError, MemoryStore, RunNotFoundError, Scheduler, UnknownOptionError } from 'nestjs-asyncz';
import type { Handler, RunOutputEvent, TaskContext } from 'nestjs-asyncz';
import { nextEvent } from '../../../support/events.js';
import { settle } from '../../../support/gate.js';
import { HookedStore } from '../../../support/hooked.store.js';
import { MemoryCluster, pass } from '../../../support/memory.cluster.js';
import { createRunning } from '../../../support/scheduler.factory.js';

const LEASE_MS = 30_000;

/** A handler that says something and then waits until it is told to end. */
function talking(say: (context: TaskContext) => void) {
  let end = () => {};
  const told = new Promise<void>((resolve) => {
    end = resolve;
  });
  const work: Handler = async (_args, context) => {
    say(context);
    await told;
  };
  return { work, end: () => end() };
}

async function startedRun(scheduler: Scheduler): Promise<string> {
  const started = nextEvent(scheduler, 'run.started');
  await scheduler.addTask({ id: 'a', handler: 'work' });
  return (await started).runId;
}

const messages = (said: readonly { readonly lines: readonly { readonly message: string }[] }[]) =>
  said.map(({ lines }) => lines.map(({ message }) => message));

describe('what a run says', () => {
  it('is kept with the run in the history, attempt by attempt', async () => {
    const { scheduler, clock } = await createRunning({
      work: (_args, context) => {
        context.log.warn(`try ${context.attempt}`, new RangeError('no'));
        context.progress({ done: context.attempt });
        if (context.attempt === 1) throw new Error('again');
      },
    });
    await scheduler.addTask({ id: 'a', handler: 'work', retry: { attempts: 2, backoff: 'fixed', delay: '1s' } });
    await settle();
    clock.advance(1_000);
    await settle();
    const [{ id: runId } = { id: '' }] = (await scheduler.getRuns()).runs;
    expect(await scheduler.getRunOutput(runId)).toMatchObject([
      { attempt: 1, status: 'failed', lines: [{ level: 'warn', message: 'try 1 no' }], dropped: 0 },
      { attempt: 2, status: 'succeeded', progress: { value: { done: 2 } } },
    ]);
    const [first] = await scheduler.getRunOutput(runId);
    expect(first!.lines[0]!.stack).toContain('output.spec.ts');
    expect((await scheduler.getRuns()).runs[0]).not.toHaveProperty('output');
  });

  it('can be read on another node a second later, while the run is under way', async () => {
    const cluster = new MemoryCluster();
    const { work, end } = talking((context) => {
      context.log.log('half way');
      context.progress(50);
    });
    const worker = await cluster.join('worker', { work });
    const other = await cluster.join('other', {}, { role: 'client' });
    const runId = await startedRun(worker);
    expect(messages(await other.getRunOutput(runId)).flat()).toEqual([]);
    await pass(cluster, 1_000);
    expect(await other.getRunOutput(runId)).toMatchObject([
      { status: 'running', owner: 'worker', lines: [{ message: 'half way' }], progress: { value: 50 } },
    ]);
    end();
  });

  it('is there up to the last second of a process that died or froze', async () => {
    const cluster = new MemoryCluster();
    const { work } = talking((context) => context.log.log('before it froze'));
    const frozen = await cluster.join('frozen', { work }, { lease: LEASE_MS });
    const runId = await startedRun(frozen);
    await pass(cluster, 1_000);
    // Its clock stands still from now on.
    const others = new MemoryCluster(cluster.disk);
    const again = talking((context) => context.log.log('once more'));
    const heir = await others.join('heir', { work: again.work }, { lease: LEASE_MS });
    await pass(others, LEASE_MS + 12_000, 1_000);
    expect(messages(await heir.getRunOutput(runId))).toEqual([['before it froze'], ['once more']]);
    again.end();
  });

  it('goes on after a sleep with what it said before', async () => {
    const { scheduler, clock } = await createRunning({
      work: async (_args, context) => {
        context.log.log('called');
        await context.sleep('1h', { name: 'night' });
        context.log.log('awake');
      },
    });
    await scheduler.addTask({ id: 'a', handler: 'work' });
    await settle();
    clock.advance(3_600_000);
    await settle();
    const [{ id: runId } = { id: '' }] = (await scheduler.getRuns()).runs;
    expect(messages(await scheduler.getRunOutput(runId))).toEqual([['called', 'called', 'awake']]);
  });

  it('costs nothing where nothing is said', async () => {
    const store = new MemoryStore();
    const { scheduler, clock } = await createRunning({ work: async () => {} }, { store });
    const transact = vi.spyOn(store, 'transact');
    await scheduler.addTask({ id: 'a', handler: 'work' });
    await settle();
    transact.mockClear();
    clock.advance(5_000);
    await settle();
    expect(transact).not.toHaveBeenCalled();
    const { runs } = await store.runs({}, { limit: 1 });
    expect(runs[0]).not.toHaveProperty('output');
  });

  it('has bounds: the newest lines are kept, and it is said how many are not', async () => {
    const { scheduler } = await createRunning(
      {
        work: (_args, context) => {
          for (let line = 1; line <= 20; line += 1) context.log.log(`line ${line}`);
          context.progress('x'.repeat(10_000));
        },
      },
      { output: { lines: 3, bytes: 100 } },
    );
    const ended = nextEvent(scheduler, 'run.succeeded');
    await scheduler.addTask({ id: 'a', handler: 'work' });
    const [said] = await scheduler.getRunOutput((await ended).runId);
    expect(messages([said!])).toEqual([['line 18', 'line 19', 'line 20']]);
    expect(said).toMatchObject({
      dropped: 17,
      progress: { value: { $asyncz: 'result-not-stored', reason: 'too-large' } },
    });
  });

  it('is kept as the redaction of the application leaves it; a redaction that fails leaves nothing', async () => {
    const { scheduler } = await createRunning(
      {
        work: (_args, context) => {
          context.log.log('card 4711');
          context.log.log('secret');
          context.log.log('throw');
          context.log.log('promise');
        },
      },
      {
        output: {
          redact: (line) => {
            if (line.message === 'secret') return null;
            if (line.message === 'throw') throw new Error('odd');
            if (line.message === 'promise') return Promise.reject(new Error('odd')) as never;
            return { ...line, message: line.message.replace(/\d+/, '…') };
          },
        },
      },
    );
    const ended = nextEvent(scheduler, 'run.succeeded');
    await scheduler.addTask({ id: 'a', handler: 'work' });
    const leftOut = '[left out: the redaction of the log has failed]';
    expect(messages(await scheduler.getRunOutput((await ended).runId))).toEqual([['card …', leftOut, leftOut]]);
  });

  it('waits where the store fails, and is written when that is over', async () => {
    const cluster = new MemoryCluster();
    const store = new HookedStore(cluster.disk);
    const { work, end } = talking((context) => context.log.log('kept all the same'));
    const worker = await cluster.join('worker', { work }, { store });
    const runId = await startedRun(worker);
    store.before.transact = () => {
      throw new Error('away');
    };
    await pass(cluster, 1_000);
    delete store.before.transact;
    await pass(cluster, 2_000);
    expect(messages(await worker.getRunOutput(runId))).toEqual([['kept all the same']]);
    end();
  });
});

describe('a run that is followed', () => {
  it('gives its lines, its progress, and how it ended', async () => {
    const cluster = new MemoryCluster();
    const { work, end } = talking((context) => {
      context.log.log('one');
      context.progress(1);
    });
    const worker = await cluster.join('worker', { work });
    const other = await cluster.join('other', {}, { role: 'client' });
    const runId = await startedRun(worker);
    const events: RunOutputEvent[] = [];
    const following = (async () => {
      for await (const event of other.followRunOutput(runId)) events.push(event);
    })();
    await pass(cluster, 2_000);
    expect(events).toMatchObject([
      { type: 'line', attempt: 1, line: { message: 'one' } },
      { type: 'progress', progress: { value: 1 } },
    ]);
    end();
    await pass(cluster, 2_000);
    await following;
    expect(events.slice(2)).toEqual([{ type: 'ended', attempt: 1, status: 'succeeded' }]);
  });

  it('is left with a signal, and refused where there is none', async () => {
    const { work } = talking(() => {});
    const { scheduler } = await createRunning({ work });
    const runId = await startedRun(scheduler);
    const stop = new AbortController();
    const following = scheduler.followRunOutput(runId, { signal: stop.signal }).next();
    stop.abort(new Error('enough'));
    await expect(following).rejects.toThrow('enough');
    await expect(scheduler.followRunOutput('no@run').next()).rejects.toThrow(RunNotFoundError);
    await expect(scheduler.getRunOutput(runId, { shop: 'x' } as never)).rejects.toThrow(UnknownOptionError);
  });
});

describe('options of the output', () => {
  it.each([
    [{ lines: 501 }, /output.lines: 501.*from 0 to 500/],
    [{ lines: 1.5 }, /output.lines/],
    [{ bytes: -1 }, /output.bytes/],
    [{ redact: 'x' }, /output.redact/],
  ])('refuses %o', (output, message) => {
    expect(() => new Scheduler({ output: output as never })).toThrow(InvalidOptionError);
    expect(() => new Scheduler({ output: output as never })).toThrow(message);
  });
});
