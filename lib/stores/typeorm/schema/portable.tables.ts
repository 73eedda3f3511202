import { Table } from 'typeorm';
import type { DataSource, QueryRunner } from 'typeorm';
import { JOURNAL_COLUMNS, RUN_COLUMNS, RUN_KEY, SCHEDULER_COLUMNS, TASK_COLUMNS } from '../sql/columns.js';
import type { Column } from '../sql/columns.js';
import { unavailable } from '../sql/driver.error.js';
import { portableTypes } from './portable.types.js';
import type { TableNames } from './table.names.js';

/**
 * Makes the tables by TypeORM's own means, on databases that have no statements here. A replica that loses the race for
 * it finds them made.
 */
export async function createPortableTables(dataSource: DataSource, names: TableNames, address: string): Promise<void> {
  const runner = dataSource.createQueryRunner('master');
  try {
    for (const table of portableTables(dataSource, names)) await createTable(runner, table);
  } catch (error) {
    throw unavailable(address, error);
  } finally {
    await runner.release();
  }
}

async function createTable(runner: QueryRunner, table: Table): Promise<void> {
  try {
    await runner.createTable(table, true);
  } catch (error) {
    if (!(await runner.hasTable(table.name))) throw error;
  }
}

function portableTables({ options, driver }: DataSource, names: TableNames): Table[] {
  const types = portableTypes(options.type);
  const table = (
    name: string,
    columns: readonly Column[],
    keys: readonly string[],
    indices: readonly (readonly [name: string, columns: readonly string[]])[],
  ) =>
    new Table({
      name: driver.buildTableName(name, names.schema ?? undefined),
      columns: columns.map((column) => ({
        name: column.name,
        ...types[column.kind],
        isNullable: column.nullable ?? false,
        isPrimary: keys.includes(column.name),
      })),
      indices: indices.map(([index, columnNames]) => ({ name: index, columnNames: [...columnNames] })),
    });
  return [
    table(
      names.tasks,
      TASK_COLUMNS,
      ['id'],
      [
        [names.dueIndex, ['priority', 'due_at', 'id']],
        [`${names.tasks}_next`, ['due_at', 'id']],
        [names.startIndex, ['start_task', 'id']],
      ],
    ),
    table(names.runs, RUN_COLUMNS, RUN_KEY, [
      [names.taskRunsIndex, ['task_id', 'ended_at']],
      [names.deadIndex, ['dead', 'ended_at']],
    ]),
    table(names.journal, JOURNAL_COLUMNS, ['id'], [[names.taskJournalIndex, ['task_id', 'id']]]),
    table(names.schedulers, SCHEDULER_COLUMNS, ['scheduler'], []),
  ];
}
