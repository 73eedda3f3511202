import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';
import { createParamDecorator, Inject, Injectable, Scope, UseInterceptors } from '@nestjs/common';
import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common';
import { REQUEST } from '@nestjs/core';
import { TypeOrmModule } from '@nestjs/typeorm';
import { finalize, from, lastValueFrom } from 'rxjs';
import { DataSource } from 'typeorm';
import type { EntityManager, QueryRunner } from 'typeorm';
import { expect, it, onTestFinished } from 'vitest';
import { Args, SchedulerService, TaskContext, TaskHandler } from 'nestjs-asyncz';
import { postgresUrl } from '../support/server-urls.js';
import { boot } from './nest.application.js';

const RUNS = 40;
/** Fewer than there are runs at the same time. */
const CONNECTIONS = 5;

const transactions = new AsyncLocalStorage<EntityManager>();
const Transaction = createParamDecorator(() => transactions.getStore());

@Injectable()
class InTransaction implements NestInterceptor {
  constructor(@Inject(DataSource) private readonly dataSource: DataSource) {}
  intercept(_context: ExecutionContext, next: CallHandler) {
    return from(
      this.dataSource.transaction((manager) => transactions.run(manager, () => lastValueFrom(next.handle()))),
    );
  }
}

/** A connection of its own for each run. */
@Injectable({ scope: Scope.REQUEST })
class Handle {
  readonly runner: QueryRunner;
  constructor(
    @Inject(DataSource) dataSource: DataSource,
    @Inject(REQUEST) readonly context: TaskContext,
  ) {
    this.runner = dataSource.createQueryRunner();
  }
  async backend(): Promise<number> {
    const [{ pid }] = (await this.runner.query('SELECT pg_backend_pid() AS pid')) as [{ pid: number }];
    return pid;
  }
}

/** Gives the connection back, however the run ends. */
@Injectable({ scope: Scope.REQUEST })
class Releasing implements NestInterceptor {
  constructor(@Inject(Handle) private readonly handle: Handle) {}
  intercept(_context: ExecutionContext, next: CallHandler) {
    return next.handle().pipe(finalize(() => void this.handle.runner.release()));
  }
}

/** An application on PostgreSQL with an empty table. */
async function bootOnPostgres(providers: Parameters<typeof boot>[0]) {
  const table = `pipeline_${randomBytes(5).toString('hex')}`;
  const database = TypeOrmModule.forRoot({ type: 'postgres', url: postgresUrl(), extra: { max: CONNECTIONS } });
  const { app, scheduler } = await boot(providers, {}, { modules: [database as never] });
  const dataSource = app.get(DataSource, { strict: false });
  await dataSource.query(`CREATE TABLE ${table} (id integer PRIMARY KEY, transaction text NOT NULL)`);
  onTestFinished(async () => {
    const own = await new DataSource({ type: 'postgres', url: postgresUrl() }).initialize();
    await own.query(`DROP TABLE ${table}`);
    await own.destroy();
  });
  return { scheduler, dataSource, table };
}

/** Runs a handler many times at once, and waits for the ends. */
async function runMany(scheduler: SchedulerService, handler: string, argsOf: (index: number) => unknown[]) {
  return Promise.all(
    Array.from({ length: RUNS }, async (_, index) => {
      const trigger = { type: 'interval', hours: 1 } as const;
      const { id } = await scheduler.addTask({ handler, args: argsOf(index), trigger });
      return scheduler.runTask(id, { wait: true });
    }),
  );
}

it('an interceptor opens a transaction round each run, which is rolled back with all that the handler wrote when it fails', async () => {
  @Injectable()
  class Books {
    @UseInterceptors(InTransaction)
    @TaskHandler('book')
    async book(@Args(0) table: string, @Args(1) id: number, @Transaction() manager: EntityManager) {
      await manager.query(`INSERT INTO ${table} VALUES ($1, txid_current()::text)`, [id]);
      if (id % 2 === 1) throw new Error('odd');
    }
  }
  const { scheduler, dataSource, table } = await bootOnPostgres([Books]);
  const runs = await runMany(scheduler, 'book', (index) => [table, index]);
  expect(runs.filter(({ status }) => status === 'succeeded')).toHaveLength(RUNS / 2);
  expect(runs.filter(({ error }) => error?.message === 'odd')).toHaveLength(RUNS / 2);
  const rows = await dataSource.query<{ id: number; transaction: string }[]>(`SELECT * FROM ${table} ORDER BY id`);
  expect(rows.map(({ id }) => id)).toEqual(Array.from({ length: RUNS / 2 }, (_, index) => index * 2));
  expect(new Set(rows.map(({ transaction }) => transaction)).size).toBe(RUNS / 2);
});

it('a request-scoped service has a database handle of its own in each run, which is given back after it', async () => {
  const busy = new Set<number>();
  @Injectable()
  class Reports {
    constructor(@Inject(Handle) private readonly handle: Handle) {}
    @UseInterceptors(Releasing)
    @TaskHandler('report')
    async report(fails: boolean, context: TaskContext) {
      const backend = await this.handle.backend();
      const isShared = busy.has(backend);
      busy.add(backend);
      const isSame = (await this.handle.backend()) === backend && this.handle.context === context;
      busy.delete(backend);
      if (fails) throw new Error('no figures');
      return isSame && !isShared;
    }
  }
  const { scheduler, dataSource } = await bootOnPostgres([Handle, Reports]);
  const runs = await runMany(scheduler, 'report', (index) => [index % 4 === 0]);
  expect(runs.filter(({ result }) => result === true)).toHaveLength((RUNS * 3) / 4);
  expect(runs.filter(({ error }) => error?.message === 'no figures')).toHaveLength(RUNS / 4);
  const pool = (dataSource.driver as never as { master: Record<string, number> }).master;
  expect(pool).toMatchObject({ waitingCount: 0, idleCount: pool.totalCount });
  expect(pool.totalCount).toBeLessThanOrEqual(CONNECTIONS);
});
