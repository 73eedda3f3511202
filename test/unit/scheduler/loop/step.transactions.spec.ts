import { describe, expect, it } from 'vitest';
import type { Handler, TaskOptions } from 'nestjs-asyncz';
import { ClusterStore, MemoryCluster, pass, TakingClusterStore } from '../../../support/memory.cluster.js';
import type { StoreCapabilities } from 'nestjs-asyncz/store';
import { nextEvent, recordEvents } from '../../../support/events.js';
import type { DiskTransaction } from '../../../support/host.store.js';
import { RecordingLogger } from '../../../support/recording.logger.js';

const LEASE_MS = 30_000;
const RETRY: Partial<TaskOptions> = { retry: { attempts: 3, backoff: 'fixed', delay: '1s' } };

/** A database in memory that the application writes to as well. */
class TransactionalStore extends TakingClusterStore {
  override readonly capabilities: StoreCapabilities = {
    coordination: 'cluster',
    wakeUp: 'pushed',
    transactionalAdds: true,
    transactionalChanges: true,
    durable: true,
    takes: true,
  };
  /** Set for a commit whose answer is lost. */
  losesAnswer = false;

  override async transaction<T>(work: (transaction: unknown) => Promise<T>): Promise<T> {
    const result = await super.transaction(work);
    if (!this.losesAnswer) return result;
    this.losesAnswer = false;
    throw new Error('the connection is gone');
  }
}

/** A scheduler, and the rows that its handlers have committed. */
async function create(handlers: (rows: string[]) => Record<string, Handler>) {
  const cluster = new MemoryCluster();
  const store = new TransactionalStore(cluster.disk);
  const rows: string[] = [];
  const logger = new RecordingLogger();
  const scheduler = await cluster.join('one', handlers(rows), { store, logger });
  return { cluster, store, rows, scheduler, logger, events: recordEvents(scheduler) };
}

const insert = (rows: string[], row: string) => (transaction: DiskTransaction) => {
  transaction.add(() => rows.push(row));
  return Promise.resolve(row);
};

describe('a step in a transaction', () => {
  it('is stored with what it writes, and neither is there when it throws', async () => {
    let attempts = 0;
    const { cluster, scheduler, rows } = await create((table) => ({
      work: async (_args, context) => {
        attempts += 1;
        const row = await context.transaction('insert', async (transaction: DiskTransaction) => {
          transaction.add(() => table.push(`row of attempt ${context.attempt}`));
          if (attempts === 1) throw new Error('no');
          return Promise.resolve(context.attempt);
        });
        if (attempts === 2) throw new Error('after it');
        return row;
      },
    }));
    const ended = nextEvent(scheduler, 'run.succeeded');
    await scheduler.addTask({ handler: 'work', ...RETRY });
    await pass(cluster, 4_000);
    expect((await ended).run).toMatchObject({ attempt: 3, result: 2 });
    expect(rows).toEqual(['row of attempt 2']);
  });

  it('is rolled back when another scheduler has taken the run over', async () => {
    const { cluster, scheduler, store, rows, events } = await create((table) => ({
      work: (_args, context) =>
        context.transaction('insert', async (transaction: DiskTransaction) => {
          transaction.add(() => table.push('row'));
          await store.transact({ ids: ['a'] }, (task) => {
            const token = task.state.lastToken + 1;
            const until = cluster.clock.now() + LEASE_MS;
            const lease = task.state.lease && { ...task.state.lease, owner: 'other', token, until };
            const live = task.state.live.map((run) => ({ ...run, token, owner: 'other', leaseUntil: until }));
            return { task: { ...task, state: { ...task.state, lastToken: token, lease, live } }, value: null };
          });
        }),
    }));
    await scheduler.addTask({ id: 'a', handler: 'work' });
    await pass(cluster, 1_000);
    expect(rows).toEqual([]);
    expect(events.filter(({ name }) => name === 'run.succeeded')).toEqual([]);
  });

  it('is found where the answer to its commit was lost', async () => {
    const { cluster, scheduler, store, rows } = await create((table) => ({
      work: async (_args, context) => {
        store.losesAnswer = true;
        return context.transaction('insert', insert(table, 'row'));
      },
    }));
    const ended = nextEvent(scheduler, 'run.succeeded');
    await scheduler.addTask({ handler: 'work' });
    await pass(cluster, 1_000);
    expect((await ended).run.result).toBe('row');
    expect(rows).toEqual(['row']);
  });

  it('lets no other step begin while it is open', async () => {
    const { cluster, scheduler, rows } = await create((table) => ({
      work: (_args, context) =>
        context.transaction('outer', async (transaction: DiskTransaction) => {
          transaction.add(() => table.push('row'));
          await context.step('inner', () => 1);
        }),
    }));
    const failed = nextEvent(scheduler, 'run.failed');
    await scheduler.addTask({ handler: 'work', ...RETRY });
    await pass(cluster, 1_000);
    expect((await failed).run).toMatchObject({ dead: true, error: { code: 'ASYNCZ_STEP_TRANSACTION' } });
    expect(rows).toEqual([]);
  });

  it('is refused by a store without transactions, and the run is dead', async () => {
    const cluster = new MemoryCluster();
    const scheduler = await cluster.join(
      'one',
      { work: (_args, context) => context.transaction('insert', () => 1) },
      { store: new ClusterStore(cluster.disk) },
    );
    const failed = nextEvent(scheduler, 'run.failed');
    await scheduler.addTask({ handler: 'work', ...RETRY });
    await pass(cluster, 1_000);
    const { run } = await failed;
    expect(run).toMatchObject({ dead: true, error: { code: 'ASYNCZ_STEP_TRANSACTION' } });
    expect(run.error!.message).toContain('"default"');
  });
});

describe('a run that ends in a transaction', () => {
  it('has succeeded with what it wrote, whatever its handler does afterwards', async () => {
    const { cluster, scheduler, store, rows, logger, events } = await create((table) => ({
      work: async (_args, context) => {
        const row = await context.transaction(insert(table, 'row'));
        seen.push(await store.lookupTask('a'), await context.step('late', () => 1).catch((error: unknown) => error));
        throw new Error(`after ${row}`);
      },
    }));
    const seen: unknown[] = [];
    await scheduler.addTask({ id: 'a', handler: 'work', ...RETRY });
    await pass(cluster, 3_000);
    expect(seen).toMatchObject([null, { code: 'ASYNCZ_STEP_OUTSIDE_RUN' }]);
    expect(rows).toEqual(['row']);
    expect((await scheduler.getRuns()).runs).toMatchObject([{ status: 'succeeded', attempt: 1, result: 'row' }]);
    expect(events.map(({ name }) => name).filter((name) => /^run\.|removed/.test(name))).toEqual([
      'run.submitted',
      'run.started',
      'run.succeeded',
      'task.removed',
    ]);
    expect(logger.of('warn', /after row/)).toHaveLength(1);
  });

  it('is not aborted while its handler goes on for longer than a lease', async () => {
    let goOn = () => {};
    const { cluster, scheduler, events } = await create((table) => ({
      work: async (_args, context) => {
        await context.transaction(insert(table, 'row'));
        await new Promise<void>((resolve) => (goOn = resolve));
        aborted = context.signal.aborted;
      },
    }));
    let aborted: boolean | undefined;
    await scheduler.addTask({ id: 'a', handler: 'work' });
    await pass(cluster, 3 * LEASE_MS, 5_000);
    goOn();
    await pass(cluster, 1_000);
    expect(aborted).toBe(false);
    expect(events.map(({ name }) => name)).not.toContain('run.fenced');
    expect((await scheduler.getRuns()).runs).toMatchObject([{ status: 'succeeded' }]);
  });

  it('is rolled back where it is aborted before the commit', async () => {
    const { cluster, scheduler, rows } = await create((table) => ({
      work: (_args, context) =>
        context.transaction(async (transaction: DiskTransaction) => {
          transaction.add(() => table.push('row'));
          await new Promise<void>((resolve) => context.signal.addEventListener('abort', () => resolve()));
        }),
    }));
    await scheduler.addTask({ id: 'a', handler: 'work', timeout: '2s' });
    await pass(cluster, 3_000);
    expect((await scheduler.getRuns()).runs).toMatchObject([
      { status: 'failed', error: { code: 'ASYNCZ_RUN_TIMEOUT' } },
    ]);
    expect(rows).toEqual([]);
  });

  it('has ended where the answer to its commit was lost', async () => {
    const { cluster, scheduler, store, rows, events } = await create((table) => ({
      work: (_args, context) => {
        store.losesAnswer = true;
        return context.transaction(insert(table, 'row'));
      },
    }));
    await scheduler.addTask({ handler: 'work', ...RETRY });
    await pass(cluster, 3_000);
    expect(rows).toEqual(['row']);
    expect((await scheduler.getRuns()).runs).toMatchObject([{ status: 'succeeded', result: 'row' }]);
    expect(events.at(-1)).toMatchObject({ name: 'task.removed' });
  });

  it('goes on with its schedule', async () => {
    const { cluster, scheduler, rows } = await create((table) => ({
      work: (_args, context) => context.transaction(insert(table, context.scheduledTime.toISOString())),
    }));
    await scheduler.addTask({ handler: 'work', trigger: { type: 'interval', seconds: 10 } });
    await pass(cluster, 30_000, 1_000);
    expect(new Set(rows).size).toBe(3);
    expect((await scheduler.getRuns()).runs).toHaveLength(3);
  });
});
