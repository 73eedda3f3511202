import { userInfo } from 'node:os';
import { dirname } from 'node:path';
import type { LoggerService } from '@nestjs/common';
import { AsynczClient } from '../../client/asyncz.client.js';
import { InvalidOptionError } from '../../errors/input.errors.js';
import type { Logger } from '../../model/logger.js';
import type { StoreConfig } from '../../nest/module.options.js';
import { createStoreOfType } from '../../nest/store.types.js';
import { LocalOperations } from '../../operations/local.operations.js';
import type { SchedulerRole } from '../../scheduler/scheduler.options.js';
import { Scheduler } from '../../scheduler/scheduler.js';
import type { Store } from '../../stores/store.interface.js';
import { UsageError } from '../cli.errors.js';
import type { CliIo } from '../cli.io.js';
import type { Target } from '../command.spec.js';
import type { CommonOptions } from '../commands/common.options.js';
import { bootApp } from './app.context.js';
import { loadConfig } from './cli.config.js';
import type { AsynczConfig } from './cli.config.js';
import { parseStore, parseStores } from './store.urls.js';

const NEEDS_HANDLERS = 'A worker needs the handlers of an application: give --app dist/app.module.js';

/** How long the command line waits for its stores, and for them to be closed. */
const TIMES = { startTimeout: '15s', shutdownTimeout: '1s' } as const;

/**
 * Finds the tasks that a command is about, and opens what has them.
 *
 * @param role What the scheduler in this process is.
 * @throws UsageError, and what the stores and the application throw.
 */
export async function openTarget(options: CommonOptions, role: SchedulerRole, io: CliIo): Promise<Target> {
  const flags = Object.entries({ '--app': options.app, '--store': options.store, '--url': options.url });
  const used = flags.filter(([, value]) => value !== undefined).map(([name]) => name);
  if (used.length > 1) throw new UsageError(`${used.join(' and ')} say where the tasks are: give one of them`);
  const found = await loadConfig(options.config, io.cwd);
  const config = found?.config ?? {};
  const cwd = used.length > 0 || found === null ? io.cwd : dirname(found.file);
  const { app, store, url } = used.length > 0 ? options : { ...config, store: undefined };
  if (url !== undefined) {
    if (role === 'worker') throw new UsageError(NEEDS_HANDLERS);
    const token = options.token ?? io.env.ASYNCZ_TOKEN ?? config.token;
    const operations = new AsynczClient({ url, ...(token !== undefined && { token }) });
    return { operations, scheduler: null, hasCode: false, close: async () => {} };
  }
  if (app !== undefined) return openApp(app, cwd, options, role, io);
  const stores = store === undefined ? config.stores : parseStores(store, io.cwd);
  if (stores !== undefined) return openStores(stores, cwd, config, options, role, io);
  throw new UsageError(
    'Where are the tasks? Give --app dist/app.module.js, --store redis://host or --url https://host/asyncz, or write an asyncz.config.ts',
  );
}

async function openApp(
  file: string,
  cwd: string,
  options: CommonOptions,
  role: SchedulerRole,
  io: CliIo,
): Promise<Target> {
  const logger = role === 'worker' ? undefined : nestLogger(io, options.debug);
  const { app, scheduler } = await bootApp(file, cwd, { role, name: options.scheduler, logger });
  return { operations: operationsOf(scheduler, options), scheduler, hasCode: true, close: () => app.close() };
}

async function openStores(
  configs: Readonly<Record<string, StoreConfig>>,
  cwd: string,
  config: AsynczConfig,
  options: CommonOptions,
  role: SchedulerRole,
  io: CliIo,
): Promise<Target> {
  if (role === 'worker') throw new UsageError(NEEDS_HANDLERS);
  const stores: Record<string, Store> = {};
  for (const [alias, one] of Object.entries(configs)) stores[alias] = await createStore(alias, one, cwd);
  // Commands that name no store mean the default one, and a scheduler makes one where there is none.
  if (!Object.hasOwn(stores, 'default')) {
    const [only, ...others] = Object.keys(stores);
    if (only === undefined || others.length > 0) {
      throw new UsageError('None of the stores is called "default": write --store default=URL for one of them');
    }
    stores.default = stores[only]!;
    delete stores[only];
  }
  const scheduler = new Scheduler({
    ...TIMES,
    ...config.scheduler,
    ...(options.scheduler !== undefined && { name: options.scheduler }),
    role,
    stores,
    logger: cliLogger(io, options.debug),
  });
  const close = () => scheduler.shutdown(0);
  await scheduler.start();
  return { operations: operationsOf(scheduler, options), scheduler, hasCode: false, close };
}

function operationsOf(scheduler: Scheduler, { actor = defaultActor() }: CommonOptions) {
  return new LocalOperations(scheduler, { actor });
}

async function createStore(alias: string, config: StoreConfig, cwd: string): Promise<Store> {
  if (typeof config === 'string') {
    const { type, ...options } = parseStore(config.includes(':') ? config : `${config}:`, cwd);
    return createStoreOfType(type, options, {});
  }
  if ('transact' in config) return config as Store;
  if (!('type' in config)) {
    throw new InvalidOptionError(`stores.${alias}`, Object.keys(config), 'a URL, an object with a "type", or a store');
  }
  const { type, ...options } = config;
  return createStoreOfType(type, options, {});
}

function defaultActor(): string {
  try {
    return userInfo().username;
  } catch {
    // In a container the user may have no name.
    return 'asyncz command line';
  }
}

/** What the library says in this process is of use where something is looked into. */
function cliLogger(io: CliIo, debug = false): Logger {
  const write = debug ? (message: string) => io.err(`${message}\n`) : () => {};
  return { debug: write, info: write, warn: write, error: write };
}

/** What the application says: errors, and all of it with `--debug`. Never among the results. */
function nestLogger(io: CliIo, debug = false): LoggerService {
  const write = (message: unknown) => io.err(`${String(message)}\n`);
  const quiet = debug ? write : () => {};
  return { log: quiet, warn: quiet, debug: quiet, verbose: quiet, error: write, fatal: write };
}
