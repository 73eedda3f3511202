import type { Connection } from 'mongoose';
import { MissingDependencyError } from '../../errors/dependency.error.js';
import { InvalidOptionError, rejectUnknownOptions } from '../../errors/input.errors.js';
import { namesOf } from '../../model/names.js';
import type { StoreProvider } from '../store.provider.js';
import { resolveNames, resolveOptions, SETTINGS } from './mongoose.options.js';
import type { MongooseStoreOptions, MongooseStoreSettings } from './mongoose.options.js';
import { MongooseStore } from './mongoose.store.js';

/**
 * A store on a connection of the application's `MongooseModule`: that is never closed by the store.
 *
 * @publicApi
 */
export interface MongooseInjectedOptions extends MongooseStoreSettings {
  /** The `connectionName` that was given to `MongooseModule.forRoot`. @default its default connection */
  readonly connectionName?: string;
}

const OPTIONS = [
  ...SETTINGS,
  ...namesOf<Exclude<keyof MongooseInjectedOptions, keyof MongooseStoreSettings>>({ connectionName: 0 }),
  'connection',
  'client',
  'url',
  'uri',
  'host',
];

/** As `getConnectionToken` of `@nestjs/mongoose` has it, which is not imported: not everybody has it. */
const DEFAULT_CONNECTION = 'DatabaseConnection';

/**
 * A MongoDB store for `AsynczModule.forRoot({ stores })`: on the connection of the application's `MongooseModule`
 * (`{}` or `{ connectionName }`), on one that is at hand (`{ connection }`, `{ client }`), or on one of its own (`{ url }`, `{ host, port, user, password }`).
 *
 * @throws UnknownOptionError For an option that there is not.
 * @throws InvalidOptionError For a value that is not allowed.
 * @publicApi
 */
export function mongooseStore(
  options: MongooseInjectedOptions | MongooseStoreOptions = {},
): StoreProvider<MongooseStore> {
  if (['url', 'uri', 'host', 'connection', 'client'].some((option) => option in options)) {
    // Checked here, so that the stack of the error leads to the configuration.
    resolveOptions(options as MongooseStoreOptions);
    return { inject: [], useFactory: () => new MongooseStore(options as MongooseStoreOptions) };
  }
  const { connectionName, ...settings } = options as MongooseInjectedOptions;
  rejectUnknownOptions('mongooseStore', settings, OPTIONS);
  resolveNames(settings);
  if (connectionName !== undefined && (typeof connectionName !== 'string' || connectionName === '')) {
    throw new InvalidOptionError('connectionName', connectionName, 'the name given to MongooseModule.forRoot');
  }
  const isDefault = connectionName === undefined || connectionName === DEFAULT_CONNECTION;
  return {
    // Optional for NestJS, which would speak of a module that nobody has written.
    inject: [{ token: isDefault ? DEFAULT_CONNECTION : `${connectionName}Connection`, optional: true }],
    useFactory: (connection: Connection | undefined) => {
      if (connection === undefined) throw missingConnection(connectionName);
      return new MongooseStore({ ...settings, connection });
    },
  };
}

function missingConnection(name: string | undefined): MissingDependencyError {
  const option = name === undefined ? '' : `{ connectionName: ${JSON.stringify(name)} }`;
  const forRoot = name === undefined ? 'uri' : `uri, ${option}`;
  return new MissingDependencyError(
    `mongooseStore(${option}) in the stores of AsynczModule (nestjs-asyncz)`,
    `the connection ${name === undefined ? '' : `${JSON.stringify(name)} `}of MongooseModule`,
    `Import MongooseModule.forRoot(${forRoot}), or give the store an address: mongooseStore({ url: "mongodb://…" }).`,
  );
}
