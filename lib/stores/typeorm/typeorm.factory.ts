import { DataSource } from 'typeorm';
import { MissingDependencyError } from '../../errors/dependency.error.js';
import { InvalidOptionError, rejectUnknownOptions } from '../../errors/input.errors.js';
import { namesOf } from '../../model/names.js';
import type { StoreProvider } from '../store.provider.js';
import { SETTINGS } from './typeorm.options.js';
import type { TypeormStoreOptions, TypeormStoreSettings } from './typeorm.options.js';
import { TypeormStore } from './typeorm.store.js';

/**
 * Options of {@link typeormStore}.
 *
 * @publicApi
 */
export interface TypeormStoreFactoryOptions extends TypeormStoreSettings {
  /**
   * The application's data source: its name as `TypeOrmModule.forRoot` was given it, or the object.
   *
   * @default the one without a name
   */
  readonly dataSource?: string | DataSource;
  /** The same as the name of a `dataSource`. */
  readonly connectionName?: string;
  /** A database that the store connects to itself, instead of the application's data source. */
  readonly database?: TypeormStoreOptions['database'];
  /** The same as a `database` that is text. */
  readonly url?: string;
}

const OPTIONS = [
  ...SETTINGS,
  ...namesOf<Exclude<keyof TypeormStoreFactoryOptions, keyof TypeormStoreSettings>>({
    dataSource: 0,
    connectionName: 0,
    database: 0,
    url: 0,
  }),
];

/**
 * A store in a SQL database, for the `stores` of `AsynczModule.forRoot`: on the application's own data source, or with
 * `database` on a connection of its own.
 *
 * @throws UnknownOptionError For an option that there is not.
 * @throws InvalidOptionError For options that contradict each other.
 * @publicApi
 */
export function typeormStore(options: TypeormStoreFactoryOptions = {}): StoreProvider<TypeormStore> {
  rejectUnknownOptions('typeormStore', options, OPTIONS);
  const { dataSource, connectionName, database, url, ...settings } = options;
  const given = { dataSource, connectionName, database, url };
  const [first, second] = Object.entries(given).filter(([, value]) => value !== undefined);
  if (second) {
    throw new InvalidOptionError(
      second[0],
      'given',
      `one of ${Object.keys(given).join(', ')}, and there is ${first![0]}`,
    );
  }
  const own = { ...(database !== undefined && { database }), ...(url !== undefined && { url }) };
  if (database !== undefined || url !== undefined) {
    return { inject: [], useFactory: () => new TypeormStore({ ...settings, ...own }) };
  }
  const name = connectionName ?? (typeof dataSource === 'string' ? dataSource : undefined);
  if (typeof dataSource === 'object') {
    return { inject: [], useFactory: () => new TypeormStore({ ...settings, dataSource }) };
  }
  return {
    // Optional for NestJS, which would speak of a module that nobody has written.
    inject: [{ token: dataSourceToken(name), optional: true }],
    useFactory: (injected: DataSource | undefined) => {
      if (injected === undefined) throw missingDataSource(name);
      return new TypeormStore({ ...settings, dataSource: injected });
    },
  };
}

function missingDataSource(name: string | undefined): MissingDependencyError {
  const option = name === undefined ? '' : `{ dataSource: ${JSON.stringify(name)} }`;
  const forRoot = name === undefined ? '…' : `{ name: ${JSON.stringify(name)}, … }`;
  return new MissingDependencyError(
    `typeormStore(${option}) in the stores of AsynczModule (nestjs-asyncz)`,
    `the DataSource ${name === undefined ? '' : `${JSON.stringify(name)} `}of TypeOrmModule`,
    `Import TypeOrmModule.forRoot(${forRoot}), or give the store a database: typeormStore({ url: "postgres://…" }).`,
  );
}

/**
 * The token of `getDataSourceToken(name)`. Written down here, since `@nestjs/typeorm` need not be installed where the store
 * has a connection of its own; a test compares the two.
 */
function dataSourceToken(name: string | undefined): typeof DataSource | string {
  return name === undefined || name === 'default' ? DataSource : `${name}DataSource`;
}
