import type { DataSource } from 'typeorm';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { TypeormStore } from '../../../lib/stores/typeorm/typeorm.store.js';
import { describeStore } from '../../../lib/testing/describe-store.js';
import { PlacePool } from '../../support/place.pool.js';
import { comparing, dropTables, dumpTables, emptyTables, mysql, postgres, sqlite } from './support/databases.js';
import type { TestDatabase } from './support/databases.js';

/** The conformance kit on one database; every store is given the application's data source. */
function runKit(database: TestDatabase): void {
  describe(database.name, () => {
    let dataSource: DataSource;
    const places = new PlacePool();
    beforeAll(async () => {
      dataSource = await database.open();
    });
    afterAll(async () => {
      for (const place of places.all) await dropTables(dataSource, place);
      await dataSource.destroy();
      database.remove();
    });
    const parameter = (index: number) => (dataSource.options.type === 'postgres' ? `$${index}` : '?');

    describeStore(
      'TypeormStore',
      ({ namespace }) => new TypeormStore({ ...database.settings, dataSource, tableName: places.of(namespace) }),
      {
        describe,
        it,
        cleanup: async ({ namespace }) => {
          await emptyTables(dataSource, places.of(namespace));
          places.release(namespace);
        },
        damage: async ({ namespace, id }) => {
          const set = (definition: string) =>
            dataSource.query(
              `UPDATE ${places.of(namespace)}_tasks SET definition = ${parameter(1)} WHERE id = ${parameter(2)}`,
              [definition, id],
            );
          const [row] = (await dataSource.query(
            `SELECT definition FROM ${places.of(namespace)}_tasks WHERE id = ${parameter(1)}`,
            [id],
          )) as { definition: string }[];
          await set(row!.definition.slice(0, -9));
          return async () => {
            await set(row!.definition);
          };
        },
        dump: ({ namespace }) => dumpTables(dataSource, places.of(namespace)),
        borrow: async ({ namespace }) => {
          const own = await database.open();
          return {
            store: new TypeormStore({ ...database.settings, dataSource: own, tableName: places.of(namespace) }),
            isOpen: async () => own.isInitialized && Array.isArray(await own.query('SELECT 1')),
            close: () => own.destroy(),
          };
        },
        transaction: (_, work) => dataSource.transaction((manager) => work(manager)),
        // The general path looks for each row among its batch; what it does is the same with fewer.
        ...(database.settings.lockMode === 'compare-and-set' && { volume: 3_000 }),
      },
    );
  });
}

for (const database of [sqlite(), postgres(), mysql(), comparing()]) runKit(database);
