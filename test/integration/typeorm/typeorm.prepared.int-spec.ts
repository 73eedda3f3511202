import type { DataSource } from 'typeorm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { standUnder } from '../../../lib/model/change.js';
import { TypeormStore } from '../../../lib/stores/typeorm/typeorm.store.js';
import { createStoreContext } from '../../../lib/testing/store-context.js';
import { makeRun, makeTask } from '../../../lib/testing/task.fixtures.js';
import { dropTables, postgres } from './support/databases.js';

const PREFIX = `prepared_${process.pid}`;

/** After so many times PostgreSQL considers one plan for all parameters. */
const ROUNDS = 8;

interface Prepared {
  readonly name: string;
  readonly statement: string;
  readonly parameters: number;
  readonly generic: number;
}

describe('statements that PostgreSQL keeps prepared', () => {
  const database = postgres();
  let dataSource: DataSource;
  let store: TypeormStore;

  beforeEach(async () => {
    // One connection, so that what it keeps can be seen.
    dataSource = await database.open({ extra: { max: 1 } } as never);
    store = new TypeormStore({ dataSource, tableName: PREFIX });
    await store.start(createStoreContext());
  });
  afterEach(async () => {
    await store.shutdown();
    await dropTables(dataSource, PREFIX);
    await dataSource.destroy();
    database.remove();
  });

  /** Adds a task and claims it, some times. Returns how many were claimed. */
  async function claimOften(what: string, rounds: number): Promise<number> {
    let claimed = 0;
    for (let round = 0; round < rounds; round += 1) {
      await store.addTask(makeTask(`${what}${round}`, { nextRunTime: (await store.now()) - 1 }));
      const { committed } = await store.transact({ due: { limit: 10, handlers: null } }, (task) => ({
        task: { ...task, state: { ...task.state, nextRunTime: null } },
        history: [],
        value: null,
      }));
      claimed += committed.length;
    }
    return claimed;
  }

  /** Adds a task, takes it and writes its end, some times. Returns how many were written. */
  async function takeOften(rounds: number): Promise<number> {
    let written = 0;
    for (let round = 0; round < rounds; round += 1) {
      await store.addTask(makeTask(`taken${round}`, { nextRunTime: (await store.now()) - 1 }));
      const take = { limit: 10, handlers: null, owner: 'me', leaseMs: 60_000 };
      const { taken } = await store.exchange({ take });
      const write = taken!.tasks.map((one) => ({
        from: standUnder(one),
        task: { ...one.task, state: { ...one.task.state, nextRunTime: null } },
        history: [makeRun(one.task.id)],
      }));
      const { lost } = (await store.exchange({ write })).written;
      written += write.length - lost.length;
    }
    return written;
  }

  const prepared = (): Promise<Prepared[]> =>
    dataSource.query(`
      SELECT name, statement, cardinality(parameter_types) AS parameters, generic_plans::integer AS generic
      FROM pg_prepared_statements WHERE name LIKE 'asyncz_%'`);

  it('have plans that suit the table when it has grown, although it was empty when they were made', async () => {
    await dataSource.query(`ALTER TABLE ${PREFIX}_tasks SET (autovacuum_enabled = false)`);
    await dataSource.query(`VACUUM ANALYZE ${PREFIX}_tasks`);
    expect(await claimOften('first', ROUNDS)).toBe(ROUNDS);
    expect(await takeOften(ROUNDS)).toBe(ROUNDS);
    const now = await store.now();
    await store.addTasks(Array.from({ length: 5_000 }, (_, at) => makeTask(`far${at}`, { nextRunTime: now + 1e9 })));
    const kept = (await prepared()).filter(({ generic, statement }) => generic > 0 && !statement.startsWith('INSERT'));
    const texts = kept.map(({ statement }) => statement).join('\n');
    expect(texts).toContain('SKIP LOCKED');
    expect(texts).toContain('UPDATE');
    expect(texts).toContain('taken AS');
    expect(texts).toContain('written AS');
    for (const { name, parameters } of kept) {
      const nulls = Array.from({ length: parameters }, () => 'NULL').join(', ');
      const rows: object[] = await dataSource.query(`EXPLAIN EXECUTE ${name}(${nulls})`);
      const plan = rows.map((row) => JSON.stringify(row)).join('\n');
      expect(plan).not.toMatch(/Seq Scan|Hash Join|Merge Join/);
    }
  });

  it('are done without where they get lost on the way, as behind a pool that changes connections', async () => {
    expect(await claimOften('before', 2)).toBe(2);
    expect(await prepared()).not.toHaveLength(0);
    // What such a pool comes to: another connection, which has never heard of them.
    await dataSource.query('DEALLOCATE ALL');
    expect(await claimOften('after', 2)).toBe(2);
    expect(await prepared()).toHaveLength(0);
  });

  it('are not used in the transaction of the caller, which would fail with them', async () => {
    expect(await claimOften('before', 1)).toBe(1);
    await dataSource.query('DEALLOCATE ALL');
    await dataSource.transaction((manager) => store.addTask(makeTask('with-others'), { transaction: manager }));
    expect(await store.lookupTask('with-others')).not.toBeNull();
  });
});
