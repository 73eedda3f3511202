import type { MigrationInterface, QueryRunner } from 'typeorm';
import { dataSourceOfRunner } from '../typeorm-compat.js';
import { resolveNames } from '../typeorm.options.js';
import type { TypeormStoreSettings } from '../typeorm.options.js';
import { versionOf } from '../connection/server.version.js';
import { schemaDialectOf } from '../dialects/dialect.factory.js';
import { createPortableTables } from './portable.tables.js';
import { dropStatements, schemaStatements } from './schema.sql.js';

/**
 * The migrations that make the store's tables, for the `migrations` of the application's own data source.
 *
 * @param options `tableName` and `schema` as the store is given them. Each pair of them has migrations of its own.
 * @throws InvalidOptionError For a name that is not allowed.
 * @publicApi
 */
export function asynczMigrations(
  options: Pick<TypeormStoreSettings, 'tableName' | 'schema'> = {},
): (new () => MigrationInterface)[] {
  const names = resolveNames(options);

  class CreateAsynczTables implements MigrationInterface {
    /** TypeORM orders migrations by the time at the end, and remembers them by the whole. */
    readonly name = `CreateAsynczTables_${names.schema ?? ''}_${names.prefix}_1767225600000`;

    async up(runner: QueryRunner): Promise<void> {
      const dataSource = dataSourceOfRunner(runner);
      const dialect = schemaDialectOf(await versionOf(dataSource));
      if (dialect === null) return createPortableTables(dataSource, names, dataSource.options.type);
      for (const statement of schemaStatements(dialect, names)) await runner.query(statement);
    }

    async down(runner: QueryRunner): Promise<void> {
      const dataSource = dataSourceOfRunner(runner);
      const dialect = schemaDialectOf(await versionOf(dataSource));
      for (const statement of dropStatements(dialect ?? 'sqlite', names)) await runner.query(statement);
    }
  }
  return [CreateAsynczTables];
}
