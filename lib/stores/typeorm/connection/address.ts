import type { DataSourceOptions } from 'typeorm';

/** What databases are called in messages, by TypeORM's type. */
const LABELS: Readonly<Record<string, string>> = {
  postgres: 'PostgreSQL',
  mysql: 'MySQL',
  mariadb: 'MariaDB',
  'better-sqlite3': 'SQLite',
};

const PORTS: Readonly<Record<string, number>> = { postgres: 5432, mysql: 3306, mariadb: 3306 };

interface Target {
  readonly url?: string;
  readonly host?: string;
  readonly port?: number;
  readonly database?: unknown;
  readonly socketPath?: string;
}

/** Where a data source connects to, for messages: never a name or a password. */
export function addressOf(options: DataSourceOptions): string {
  const { type } = options;
  const label = LABELS[type] ?? type;
  const target =
    ('replication' in options && (options.replication as { master?: Target })?.master) || (options as Target);
  if (type === 'better-sqlite3') return `the SQLite file ${String(target.database)}`;
  const url = target.url !== undefined && URL.canParse(target.url) ? new URL(target.url) : null;
  const host = target.socketPath ?? target.host ?? (url?.hostname || 'localhost');
  const port = target.port ?? (url?.port || PORTS[type]);
  const database = typeof target.database === 'string' ? target.database : url?.pathname.slice(1);
  return `${label} at ${host}${target.socketPath === undefined && port ? `:${port}` : ''}${database ? `, database ${database}` : ''}`;
}
