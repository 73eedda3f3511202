import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { listOf } from '../../errors/asyncz.error.js';
import { messageOf } from '../../errors/thrown.js';
import { namesOf } from '../../model/names.js';
import type { StoreConfig } from '../../nest/module.options.js';
import type { SchedulerSettings } from '../../scheduler/scheduler.options.js';
import { UsageError } from '../cli.errors.js';

/**
 * What `asyncz.config.ts` (`.js`, `.mjs`, `.cjs`, `.json`) exports as its default: where the command line finds the tasks. One of
 * `app`, `stores` and `url`.
 *
 * @publicApi
 */
export interface AsynczConfig {
  /** The file of the application's module, from the folder of the configuration: as `--app`. */
  readonly app?: string;
  /** Stores by alias: a URL as for `--store`, the name of a type with options, or a store. */
  readonly stores?: Readonly<Record<string, StoreConfig>>;
  /** The settings of the scheduler that uses these stores: its name, zone, keys. */
  readonly scheduler?: Omit<SchedulerSettings, 'role' | 'clock'>;
  /** The HTTP API of the application: as `--url`. */
  readonly url?: string;
  /** The token for it. Rather leave it to the variable `ASYNCZ_TOKEN`. */
  readonly token?: string;
}

const FIELDS = namesOf<keyof AsynczConfig>({ app: 0, stores: 0, scheduler: 0, url: 0, token: 0 });

const FILES = ['ts', 'mts', 'js', 'mjs', 'cjs', 'json'].map((ending) => `asyncz.config.${ending}`);

/** A configuration, and the folder that its paths are from. */
export interface FoundConfig {
  readonly config: AsynczConfig;
  readonly file: string;
}

/**
 * Loads a configuration.
 *
 * @param given The file of `--config`; the first `asyncz.config.*` of the folder when left out.
 * @returns null when there is none.
 * @throws UsageError
 */
export async function loadConfig(given: string | undefined, cwd: string): Promise<FoundConfig | null> {
  const file =
    given === undefined ? FILES.map((name) => join(cwd, name)).find((path) => existsSync(path)) : resolve(cwd, given);
  if (file === undefined) return null;
  if (!existsSync(file)) throw new UsageError(`--config names ${file}, and there is no such file`);
  return { config: checked(await load(file), file), file };
}

async function load(file: string): Promise<unknown> {
  // Only who has such a file waits for it: it reads TypeScript on every version of Node.js.
  const { createJiti } = await import('jiti');
  try {
    const loaded: unknown = await createJiti(file, { fsCache: false }).import(file, { default: true });
    return typeof loaded === 'function' ? await (loaded as () => unknown)() : loaded;
  } catch (error) {
    throw new UsageError(`${file} cannot be loaded: ${messageOf(error)}`, { cause: error });
  }
}

function checked(loaded: unknown, file: string): AsynczConfig {
  if (typeof loaded !== 'object' || loaded === null || Array.isArray(loaded)) {
    throw new UsageError(`${file} has to export an object as its default, with ${listOf(FIELDS)}`);
  }
  const unknown = Object.keys(loaded).find((field) => !FIELDS.includes(field as keyof AsynczConfig));
  if (unknown !== undefined) {
    throw new UsageError(
      `${file} has a field ${JSON.stringify(unknown)}; the fields that there are: ${listOf(FIELDS)}`,
    );
  }
  const config = loaded as AsynczConfig;
  const given = (['app', 'stores', 'url'] as const).filter((field) => config[field] !== undefined);
  if (given.length > 1) throw new UsageError(`${file} has ${listOf(given)}: leave one of them`);
  return config;
}
