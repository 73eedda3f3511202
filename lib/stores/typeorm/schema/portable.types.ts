import type { ColumnKind } from '../sql/columns.js';

/** How a column is declared to TypeORM. */
export interface PortableType {
  readonly type: string;
  readonly length?: string;
  readonly collation?: string;
}

const KEY_LENGTH = '255';
const LIMIT_KEY_LENGTH = '160';
const RUN_KEY_LENGTH = '400';

type Types = Readonly<Record<ColumnKind, PortableType>>;

function types(label: PortableType, text: PortableType, long: string, integer: string, flag: string): Types {
  return {
    key: { ...label, ...(label.length && { length: KEY_LENGTH }) },
    limitKey: { ...label, ...(label.length && { length: LIMIT_KEY_LENGTH }) },
    runKey: { ...label, ...(label.length && { length: RUN_KEY_LENGTH }) },
    label,
    text,
    integer: { type: integer },
    long: { type: long },
    flag: { type: flag },
  };
}

const C: PortableType = { type: 'text', collation: 'C' };
const LABEL: PortableType = { type: 'varchar', length: KEY_LENGTH };

/**
 * TypeORM's types of the columns, by its type of database. Text is compared byte by byte wherever that can be said in a
 * column's declaration.
 */
export function portableTypes(database: string): Types {
  switch (database) {
    case 'postgres':
      return types(C, C, 'bigint', 'integer', 'boolean');
    case 'mysql':
    case 'mariadb': {
      // The type "mysql" stands for either server, so it gets what both know; generateSchemaSql also tells "a" from "a ".
      const collation = database === 'mysql' ? 'utf8mb4_bin' : 'utf8mb4_nopad_bin';
      const binary = { charset: 'utf8mb4', collation };
      return types({ ...LABEL, ...binary }, { type: 'longtext', ...binary }, 'bigint', 'int', 'tinyint');
    }
    case 'better-sqlite3':
      return types({ type: 'text' }, { type: 'text' }, 'integer', 'integer', 'integer');
    case 'mssql': {
      const binary = { collation: 'Latin1_General_100_BIN2' };
      return types(
        { type: 'nvarchar', length: KEY_LENGTH, ...binary },
        { type: 'nvarchar', length: 'max', ...binary },
        'bigint',
        'int',
        'smallint',
      );
    }
    default:
      return types(LABEL, { type: 'text' }, 'bigint', 'integer', 'smallint');
  }
}
