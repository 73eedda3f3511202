import { InvalidOptionError } from '../../../errors/input.errors.js';
import { JOURNAL_COLUMNS, RUN_COLUMNS, RUN_KEY, SCHEDULER_COLUMNS, TASK_COLUMNS } from '../sql/columns.js';
import type { Column, ColumnKind } from '../sql/columns.js';
import { resolveNames } from '../typeorm.options.js';
import type { TypeormStoreSettings } from '../typeorm.options.js';
import { quoteBackticks, quoteStandard } from './quote.js';
import type { TableNames } from './table.names.js';

/**
 * The databases that have statements of their own. MySQL and MariaDB differ in the collation that tells every id from
 * every other.
 *
 * @publicApi
 */
export type SchemaDialect = 'postgres' | 'mysql' | 'mariadb' | 'sqlite';

interface Grammar {
  readonly types: Readonly<Record<ColumnKind, string>>;
  readonly quote: (name: string) => string;
  /** What follows a table's columns. */
  readonly tableOptions: string;
  /** What follows further behind those of the tasks. */
  readonly taskOptions: string;
  /** Whether indexes are part of the statement that makes the table. */
  readonly inlineIndexes: boolean;
  /** Leaves rows that are never due out of the index, where that can be said. */
  readonly duePredicate: string;
  /** Leaves the tasks that no start looks for out of their index, where that can be said. */
  readonly startPredicate: string;
  /** What the index of dead runs begins with, where runs that are not dead cannot be left out of it. */
  readonly deadPrefix: string;
  /** Leaves them out. */
  readonly deadPredicate: string;
  /** Whether the columns of a lease are never null, so that a taking changes no length of a row. */
  readonly fixesLeases: boolean;
  /** The key of the runs: {@link RUN_KEY}, in the order of a page where the database cannot sort the ties of an index alone. */
  readonly runKey: string;
  /** What the other indexes of the runs end with. */
  readonly runOrder: string;
}

// Ids are compared byte by byte: databases' usual collations take "a" for "A", "e" for "é", or "a" for "a ".
const MYSQL_TYPES: Grammar['types'] = {
  key: 'varchar(255)',
  // Index of lanes: with a group and an id beside it, InnoDB takes no more.
  limitKey: 'varchar(160)',
  // The task's id and a time behind it.
  runKey: 'varchar(400)',
  label: 'varchar(255)',
  text: 'longtext',
  integer: 'int',
  long: 'bigint',
  flag: 'tinyint(1)',
};

const MYSQL: Omit<Grammar, 'tableOptions'> = {
  types: MYSQL_TYPES,
  quote: quoteBackticks,
  taskOptions: '',
  inlineIndexes: true,
  duePredicate: '',
  startPredicate: '',
  deadPrefix: 'dead, ',
  deadPredicate: '',
  // InnoDB changes a row in its place then, and else writes all of it anew.
  fixesLeases: true,
  runKey: 'ended_at DESC, id, attempt DESC, token',
  runOrder: 'ended_at DESC, id, attempt DESC',
};

const GRAMMARS: Readonly<Record<SchemaDialect, Grammar>> = {
  postgres: {
    types: {
      key: 'text COLLATE "C"',
      limitKey: 'text COLLATE "C"',
      runKey: 'text COLLATE "C"',
      label: 'text COLLATE "C"',
      text: 'text COLLATE "C"',
      integer: 'integer',
      long: 'bigint',
      flag: 'boolean',
    },
    quote: quoteStandard,
    tableOptions: '',
    // Room beside each row for the next version of it: a taking then writes into no index.
    taskOptions: ' WITH (fillfactor = 50)',
    inlineIndexes: false,
    duePredicate: ' WHERE due_at IS NOT NULL',
    startPredicate: ' WHERE start_task',
    deadPrefix: '',
    deadPredicate: ' WHERE dead',
    fixesLeases: false,
    // Newer rows come at the end of it. A page sorts what ended in the same millisecond.
    runKey: RUN_KEY.join(', '),
    runOrder: 'ended_at',
  },
  mysql: { ...MYSQL, tableOptions: ' ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_bin' },
  mariadb: { ...MYSQL, tableOptions: ' ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin' },
  sqlite: {
    types: {
      key: 'text',
      limitKey: 'text',
      runKey: 'text',
      label: 'text',
      text: 'text',
      integer: 'integer',
      long: 'integer',
      flag: 'integer',
    },
    quote: quoteStandard,
    tableOptions: '',
    taskOptions: '',
    inlineIndexes: false,
    duePredicate: '',
    startPredicate: ' WHERE start_task = 1',
    deadPrefix: '',
    deadPredicate: ' WHERE dead = 1',
    fixesLeases: false,
    runKey: RUN_KEY.join(', '),
    runOrder: 'ended_at',
  },
};

/** Every database that {@link generateSchemaSql} knows. */
export const SCHEMA_DIALECTS = Object.keys(GRAMMARS) as readonly SchemaDialect[];

/**
 * The statements that make the store's tables and indexes, for those who run DDL by hand. Each does nothing when it finds
 * what it makes.
 *
 * @param options `tableName` and `schema` as the store is given them.
 * @returns One statement an element, without a semicolon.
 * @throws InvalidOptionError For a database that has no statements here.
 * @publicApi
 */
export function generateSchemaSql(
  dialect: SchemaDialect,
  options: Pick<TypeormStoreSettings, 'tableName' | 'schema'> = {},
): string[] {
  if (!SCHEMA_DIALECTS.includes(dialect)) {
    throw new InvalidOptionError('dialect', dialect, SCHEMA_DIALECTS.map((name) => JSON.stringify(name)).join(', '));
  }
  return schemaStatements(dialect, resolveNames(options));
}

/** The same for names that are checked already. */
export function schemaStatements(dialect: SchemaDialect, names: TableNames): string[] {
  const grammar = GRAMMARS[dialect];
  const { schema } = names;
  const statements = [
    ...table(grammar, names, names.tasks, TASK_COLUMNS, 'id', [
      [names.dueIndex, 'priority, due_at, id', grammar.duePredicate],
      [names.laneIndex, 'task_group, limit_key, priority, due_at, id', grammar.duePredicate],
      [names.startIndex, 'start_task, id', grammar.startPredicate],
    ]),
    ...table(grammar, names, names.runs, RUN_COLUMNS, grammar.runKey, [
      [names.taskRunsIndex, `task_id, ${grammar.runOrder}`, ''],
      [names.deadIndex, `${grammar.deadPrefix}${grammar.runOrder}`, grammar.deadPredicate],
    ]),
    ...table(grammar, names, names.journal, JOURNAL_COLUMNS, 'id', [[names.taskJournalIndex, 'task_id, id', '']]),
    ...table(grammar, names, names.schedulers, SCHEDULER_COLUMNS, 'scheduler', []),
  ];
  return dialect === 'postgres' && schema !== null
    ? [`CREATE SCHEMA IF NOT EXISTS ${quoteStandard(schema)}`, ...statements]
    : statements;
}

/** The statements that remove the tables, with everything in them. */
export function dropStatements(dialect: SchemaDialect, names: TableNames): string[] {
  const { quote } = GRAMMARS[dialect];
  return [names.schedulers, names.journal, names.runs, names.tasks].map(
    (name) => `DROP TABLE IF EXISTS ${path(quote, names.schema, name)}`,
  );
}

function table(
  { types, quote, tableOptions, taskOptions, inlineIndexes, fixesLeases }: Grammar,
  { schema, tasks }: TableNames,
  name: string,
  columns: readonly Column[],
  key: string,
  indexes: readonly (readonly [name: string, columns: string, predicate: string])[],
): string[] {
  const lines = columns.map(({ name: column, kind, nullable, ofLease }) => {
    const isNullable = nullable && !(ofLease && fixesLeases);
    return `${column} ${types[kind]}${isNullable ? '' : ' NOT NULL'}`;
  });
  lines.push(inlineIndexes ? `PRIMARY KEY (${key})` : `CONSTRAINT ${quote(`${name}_key`)} PRIMARY KEY (${key})`);
  const target = path(quote, schema, name);
  const separate: string[] = [];
  for (const [index, indexed, predicate] of indexes) {
    if (inlineIndexes) lines.push(`KEY ${quote(index)} (${indexed})`);
    else separate.push(`CREATE INDEX IF NOT EXISTS ${quote(index)} ON ${target} (${indexed})${predicate}`);
  }
  const options = name === tasks ? tableOptions + taskOptions : tableOptions;
  return [`CREATE TABLE IF NOT EXISTS ${target} (\n  ${lines.join(',\n  ')}\n)${options}`, ...separate];
}

function path(quote: (name: string) => string, schema: string | null, name: string): string {
  return schema === null ? quote(name) : `${quote(schema)}.${quote(name)}`;
}
