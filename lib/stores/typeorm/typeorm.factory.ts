import { DataSource } from 'typeorm';
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
}

const OPTIONS = [
  ...SETTINGS,
  ...namesOf<Exclude<keyof TypeormStoreFactoryOptions, keyof TypeormStoreSettings>>({
    dataSource: 0,
    connectionName: 0,
    database: 0,
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
  const { dataSource, connectionName, database, ...settings } = options;
  const given = { dataSource, connectionName, database };
  const [first, second] = Object.entries(given).filter(([, value]) => value !== undefined);
  if (second) {
    throw new InvalidOptionError(
      second[0],
      'given',
      `one of ${Object.keys(given).join(', ')}, and there is ${first![0]}`,
    );
  }
  if (database !== undefined) return { inject: [], useFactory: () => new TypeormStore({ ...settings, database }) };
  const name = connectionName ?? (typeof dataSource === 'string' ? dataSource : undefined);
  if (typeof dataSource === 'object') {
    return { inject: [], useFactory: () => new TypeormStore({ ...settings, dataSource }) };
  }
  return {
    inject: [dataSourceToken(name)],
    useFactory: (injected: DataSource) => new TypeormStore({ ...settings, dataSource: injected }),
  };
}

/**
 * The token of `getDataSourceToken(name)`. Written down here, since `@nestjs/typeorm` need not be installed where the store
 * has a connection of its own; a test compares the two.
 */
function dataSourceToken(name: string | undefined): typeof DataSource | string {
  return name === undefined || name === 'default' ? DataSource : `${name}DataSource`;
}
