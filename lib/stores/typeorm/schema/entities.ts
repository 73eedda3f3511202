import { EntitySchema } from 'typeorm';
import type { EntitySchemaColumnOptions, EntitySchemaIndexOptions } from 'typeorm';
import type { DataSourceOptions } from 'typeorm';
import { JOURNAL_COLUMNS, RUN_COLUMNS, RUN_KEY, SCHEDULER_COLUMNS, TASK_COLUMNS } from '../sql/columns.js';
import type { Column } from '../sql/columns.js';
import { resolveNames } from '../typeorm.options.js';
import type { TypeormStoreSettings } from '../typeorm.options.js';
import { portableTypes } from './portable.types.js';

/**
 * Options of {@link asynczEntities}.
 *
 * @publicApi
 */
export interface EntityOptions extends Pick<TypeormStoreSettings, 'tableName' | 'schema'> {
  /** The `type` of the data source that they are for. */
  readonly type: DataSourceOptions['type'];
}

/** Where the columns of a lease are never null: see `generateSchemaSql`. */
const FIXES_LEASES: ReadonlySet<string> = new Set(['mysql', 'mariadb']);

/** What the index of dead runs is confined to, where the database can do that. */
const DEAD: Readonly<Record<string, string>> = { postgres: 'dead', 'better-sqlite3': 'dead = 1' };

/** The same for the tasks that schedulers look for at their starts and stops. */
const START: Readonly<Record<string, string>> = { postgres: 'start_task', 'better-sqlite3': 'start_task = 1' };

/**
 * The entities of the store's tables: for an application that wants them in its own data source, to query them or to have
 * its migrations generated. The store itself does not need them.
 *
 * @returns Those of tasks, ended runs, schedulers and the journal.
 * @throws InvalidOptionError For a name that is not allowed.
 * @publicApi
 */
export function asynczEntities(
  options: EntityOptions,
): [tasks: EntitySchema, runs: EntitySchema, schedulers: EntitySchema, journal: EntitySchema] {
  const names = resolveNames(options);
  const due = options.type === 'postgres' ? { where: 'due_at IS NOT NULL' } : {};
  const dead = DEAD[options.type];
  const start = START[options.type];
  // As `generateSchemaSql` has them.
  const sortsTies = dead !== undefined;
  const runOrder = sortsTies ? ['ended_at'] : ['ended_at', 'id', 'attempt'];
  const entity = (
    name: string,
    columns: readonly Column[],
    keys: readonly string[],
    indices: EntitySchemaIndexOptions[],
  ) =>
    new EntitySchema({
      name,
      tableName: name,
      ...(names.schema !== null && { schema: names.schema }),
      columns: columnOptions(options.type, name, columns, keys),
      indices,
    });
  return [
    entity(
      names.tasks,
      TASK_COLUMNS,
      ['id'],
      [
        { name: names.dueIndex, columns: ['priority', 'due_at', 'id'], ...due },
        { name: names.laneIndex, columns: ['task_group', 'limit_key', 'priority', 'due_at', 'id'], ...due },
        { name: names.startIndex, columns: ['start_task', 'id'], ...(start !== undefined && { where: start }) },
      ],
    ),
    entity(names.runs, RUN_COLUMNS, RUN_KEY, [
      { name: names.taskRunsIndex, columns: ['task_id', ...runOrder] },
      dead === undefined
        ? { name: names.deadIndex, columns: ['dead', ...runOrder] }
        : { name: names.deadIndex, columns: runOrder, where: dead },
    ]),
    entity(names.schedulers, SCHEDULER_COLUMNS, ['scheduler'], []),
    entity(names.journal, JOURNAL_COLUMNS, ['id'], [{ name: names.taskJournalIndex, columns: ['task_id', 'id'] }]),
  ];
}

function columnOptions(
  database: string,
  table: string,
  columns: readonly Column[],
  keys: readonly string[],
): Record<string, EntitySchemaColumnOptions> {
  const types = portableTypes(database);
  return Object.fromEntries(
    columns.map(({ name, kind, nullable, ofLease }) => [
      name,
      {
        ...(types[kind] as EntitySchemaColumnOptions),
        nullable: nullable === true && !(ofLease && FIXES_LEASES.has(database)),
        ...(keys.includes(name) && { primary: true, primaryKeyConstraintName: `${table}_key` }),
      },
    ]),
  );
}
