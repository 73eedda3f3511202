import { createRequire } from 'node:module';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { INestApplicationContext, LoggerService, Type } from '@nestjs/common';
import type * as NestCore from '@nestjs/core';
import { listOf } from '../../errors/asyncz.error.js';
import { messageOf } from '../../errors/thrown.js';
import { overrideRole } from '../../nest/role.override.js';
import { getSchedulerToken, schedulersOf } from '../../nest/tokens.js';
import type { SchedulerRole } from '../../scheduler/scheduler.options.js';
import type { Scheduler } from '../../scheduler/scheduler.js';
import { UsageError } from '../cli.errors.js';

/** The variable in which an application finds that the command line has booted it, and as what. */
export const ROLE_VARIABLE = 'ASYNCZ_ROLE';

/** An application without its HTTP server, and one of its schedulers. */
export interface AppContext {
  readonly app: INestApplicationContext;
  readonly scheduler: Scheduler;
}

/** What of Nest is used. */
type Core = Pick<typeof NestCore, 'NestFactory' | 'ModulesContainer'>;

/**
 * Boots the module of an application as a context: no HTTP, and its schedulers with the given role whatever the application says.
 *
 * @param given The file of the module, and behind a `#` the name of its export where it has several.
 * @param name Which of its schedulers; needed where it has several.
 * @param logger undefined for that of Nest.
 * @throws UsageError, and what the application throws at its start.
 */
export async function bootApp(
  given: string,
  cwd: string,
  { role, name, logger }: { role: SchedulerRole; name: string | undefined; logger: LoggerService | undefined },
): Promise<AppContext> {
  const [path, exported] = given.split('#') as [string, string?];
  const file = resolve(cwd, path);
  if (!existsSync(file)) {
    throw new UsageError(
      `--app names ${file}, and there is no such file: build the application first, and name its compiled module`,
    );
  }
  process.env[ROLE_VARIABLE] = role;
  const core = await coreOf(file);
  const module = moduleOf(await importOf(file), exported, file);
  const app = await contextOf(core, module, role, logger);
  try {
    const scheduler = app.get<Scheduler>(getSchedulerToken(schedulerName(app, core, name, file)), { strict: false });
    // An application that starts its scheduler by hand has not.
    await scheduler.start();
    return { app, scheduler };
  } catch (error) {
    await app.close();
    throw error;
  }
}

async function contextOf(
  { NestFactory }: Core,
  module: Type,
  role: SchedulerRole,
  logger: LoggerService | undefined,
): Promise<INestApplicationContext> {
  overrideRole(role);
  try {
    return await NestFactory.createApplicationContext(module, { abortOnError: false, ...(logger && { logger }) });
  } finally {
    overrideRole(undefined);
  }
}

/** The copy of Nest that the application has: another one would know nothing of its modules. */
async function coreOf(file: string): Promise<Core> {
  let path: string;
  try {
    path = createRequire(file).resolve('@nestjs/core');
  } catch (error) {
    throw new UsageError(`${file} is in no folder with @nestjs/core: install the application's packages`, {
      cause: error,
    });
  }
  return (await import(pathToFileURL(path).href)) as Core;
}

async function importOf(file: string): Promise<Record<string, unknown>> {
  try {
    const loaded = (await import(pathToFileURL(file).href)) as Record<string, unknown>;
    // What Node cannot name of a CommonJS module is below its default.
    return typeof loaded.default === 'object' && loaded.default !== null
      ? { ...(loaded.default as Record<string, unknown>), ...loaded }
      : loaded;
  } catch (error) {
    throw new UsageError(`${file} cannot be loaded: ${messageOf(error)}`, { cause: error });
  }
}

function moduleOf(exports: Record<string, unknown>, exported: string | undefined, file: string): Type {
  const classes = Object.entries(exports).filter(([, value]) => isModule(value));
  const found =
    exported === undefined
      ? (classes.find(([name]) => name === 'AppModule') ??
        classes.find(([name]) => name === 'default') ??
        only(classes))
      : classes.find(([name]) => name === exported);
  if (found) return found[1] as Type;
  const names = classes.map(([name]) => name);
  throw new UsageError(
    names.length === 0
      ? `${file} exports no class with @Module()`
      : `${file} exports ${listOf(names)}: write --app ${file}#${names[0]}`,
  );
}

/** Whether it is a class that has what `@Module()` leaves on it. */
function isModule(value: unknown): boolean {
  if (typeof value !== 'function') return false;
  const reflect = Reflect as typeof Reflect & { getMetadataKeys?: (target: object) => unknown[] };
  const keys = reflect.getMetadataKeys?.(value) ?? [];
  return (
    ['imports', 'providers', 'controllers', 'exports'].some((key) => keys.includes(key)) || value.name === 'AppModule'
  );
}

function only<T>(list: readonly T[]): T | undefined {
  return list.length === 1 ? list[0] : undefined;
}

function schedulerName(app: INestApplicationContext, core: Core, name: string | undefined, file: string): string {
  const names = schedulersOf(app.get(core.ModulesContainer, { strict: false }));
  if (names.length === 0) throw new UsageError(`The application of ${file} does not import AsynczModule.forRoot`);
  const wanted = name ?? (names.includes('default') ? 'default' : only(names));
  if (wanted !== undefined && names.includes(wanted)) return wanted;
  throw new UsageError(`The application of ${file} has the schedulers ${listOf(names)}: name one with --scheduler`);
}
