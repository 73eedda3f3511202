import { Module } from '@nestjs/common';
import type { DynamicModule, LoggerService, Type } from '@nestjs/common';
import { DiscoveryModule, NestFactory } from '@nestjs/core';
import { InvalidOptionError } from '../errors/input.errors.js';
import { crossError } from '../executors/pool/crossing.js';
import type { BootRequest, Unchecked, Verdict } from '../executors/pool/messages.js';
import type { BootHandlers, WorkerHandlers } from '../executors/pool/worker.handlers.js';
import type { TaskContext } from '../executors/task-context.js';
import { HandlerRegistry } from '../scheduler/loop/handler.registry.js';
import type { RegisteredHandler } from '../scheduler/loop/handler.registry.js';
import { backoffOf, isRetryable } from '../scheduler/loop/handler.policy.js';
import { textOf } from '../errors/thrown.js';
import type { TaskLogLevel } from '../model/run.output.js';
import { resultOf } from './method.handler.js';
import type { GlobalEnhancers } from './pipeline/global.enhancers.js';
import { TaskExplorer } from './task.explorer.js';

/** What the module says about the workers of its executors. */
export interface WorkerSettings {
  readonly globalEnhancers?: GlobalEnhancers;
  /** What the application has of what has no effect in a worker; known when it has been looked at. */
  known?: KnownMethods;
}

/** What decorated methods of the application do beside handling. */
export interface KnownMethods {
  /** The ids of the tasks that it declares. */
  readonly tasks: readonly string[];
  /** The methods that listen to events. */
  readonly listeners: readonly string[];
}

type Exports = Readonly<Record<string, unknown>>;

/**
 * Boots the module of an executor in a worker: an application context of the Nest module that it exports, in which the decorated
 * methods are handlers, and the functions that it exports, under their names.
 *
 * @throws InvalidOptionError When it exports no module and no function, or several modules.
 */
export const bootHandlers: BootHandlers = async (request, line) => {
  const exported = exportsOf((await import(request.module)) as Exports);
  const registry = new HandlerRegistry();
  for (const [name, value] of Object.entries(exported)) {
    if (typeof value === 'function' && !isClass(value) && name !== 'default') {
      const handler = value as (...args: unknown[]) => unknown;
      registry.register(name, (args, context) => resultOf(handler(...args, context), context));
    }
  }
  const module = moduleOf(exported, request);
  if (!module && registry.names().length === 0) {
    throw new InvalidOptionError('module', request.module, 'a file that exports a Nest module, or functions by name');
  }
  const booted = module ? await bootModule(module, registry, request, line) : NO_MODULE;
  return handlersOf(registry, booted);
};

/** A Nest module that has booted. */
interface BootedModule {
  /** What of it has no effect here. */
  readonly ignored: readonly string[];
  readonly close: () => Promise<void>;
}

const NO_MODULE: BootedModule = { ignored: [], close: () => Promise.resolve() };

function handlersOf(registry: HandlerRegistry, { ignored, close }: BootedModule): WorkerHandlers {
  return {
    booted: { handlers: registry.names(), inputs: [...registry.inputs()], ignored },
    call: (name, args, context, unchecked) => {
      const call = () => callChecked(registry.get(name), args, context, unchecked);
      return context.traceparent === null ? call() : withinSpan(context.traceparent, call);
    },
    verdict: (name, error, attempt) => verdictOf(registry, name, error, attempt),
    close,
  };
}

/** Loaded when the first run comes that is traced; null where the package is not there. */
let remoteSpans: Promise<typeof import('../observe/opentelemetry/remote.span.js') | null> | null = null;

/**
 * Calls a handler within the span of its run, which is in another thread or process, so that its own spans are below that. Whoever
 * does not trace here has the package for nothing.
 */
async function withinSpan(traceparent: string, call: () => unknown): Promise<unknown> {
  remoteSpans ??= import('../observe/opentelemetry/remote.span.js').catch(() => null);
  const api = await remoteSpans;
  return api === null ? call() : api.withinRemote(traceparent, call);
}

/** Calls a handler with what its schema makes of arguments that nobody has checked yet. */
function callChecked(
  { call, schema }: RegisteredHandler,
  args: readonly unknown[],
  context: TaskContext,
  unchecked: Unchecked | null,
): unknown {
  if (schema === null || unchecked === null) return call(args, context);
  const checked = schema.argsOf({ args, ...unchecked });
  if (!(checked instanceof Promise)) return call(checked, context);
  return checked.then((made) => {
    context.signal.throwIfAborted();
    return call(made, context);
  });
}

function verdictOf(registry: HandlerRegistry, name: string, error: unknown, attempt: number): Verdict {
  try {
    const policy = registry.policyOf(name);
    return { retryable: isRetryable(policy, error), backoffMs: backoffOf(policy, error, attempt) };
  } catch (fault) {
    return { fault: crossError(fault) };
  }
}

/** Of a CommonJS file only some exports are found by name, and all of them under `default`. */
function exportsOf(namespace: Exports): Exports {
  const { default: all } = namespace;
  const isCommonJs = typeof all === 'object' && all !== null && 'module.exports' in namespace;
  return isCommonJs ? { ...(all as Exports), ...namespace } : namespace;
}

function isClass(value: unknown): value is Type {
  return typeof value === 'function' && /^class\b/.test(Function.prototype.toString.call(value));
}

/** What `@Module` leaves on a class. */
function isNestModule(value: unknown): value is Type {
  const keys = typeof value === 'function' ? (Reflect.getMetadataKeys(value) as unknown[]) : [];
  return ['imports', 'providers', 'controllers', 'exports'].some((key) => keys.includes(key));
}

function isDynamicModule(value: unknown): value is DynamicModule {
  return typeof value === 'object' && value !== null && 'module' in value && typeof value.module === 'function';
}

/** @throws InvalidOptionError */
function moduleOf(exported: Exports, { module }: BootRequest): Type | DynamicModule | null {
  const { default: preferred } = exported;
  if (isNestModule(preferred) || isDynamicModule(preferred)) return preferred;
  const found = Object.entries(exported).filter(([, value]) => isNestModule(value) || isDynamicModule(value));
  if (found.length > 1) {
    const names = found.map(([name]) => name).join(', ');
    throw new InvalidOptionError('module', module, `a file that exports one Nest module, not several (${names})`);
  }
  return (found[0]?.[1] as Type | DynamicModule | undefined) ?? null;
}

async function bootModule(
  module: Type | DynamicModule,
  registry: HandlerRegistry,
  { scheduler, settings }: BootRequest,
  line: (level: TaskLogLevel, message: string) => void,
): Promise<BootedModule> {
  @Module({ imports: [DiscoveryModule, module], providers: [TaskExplorer] })
  class WorkerModule {}
  const context = await NestFactory.createApplicationContext(WorkerModule, {
    logger: loggerTo(line),
    abortOnError: false,
  });
  const explorer = context.get(TaskExplorer);
  const given = settings as WorkerSettings | null;
  const listeners = new Set<string>();
  const declared = await explorer.explore(
    {
      name: scheduler,
      registerHandler: (name, handler, options) => registry.register(name, handler, options),
      // Events are those of the scheduler, which is not here.
      addListener: ({ name }) => void listeners.add(name),
    },
    // A client's methods are never called; here they are.
    { role: 'worker', ...given },
  );
  const { tasks, listeners: heard } = given?.known ?? { tasks: [], listeners: [] };
  const ignored = [
    ...[...listeners]
      .filter((name) => !heard.includes(name))
      .map((name) => `the listener ${name} is never called: events come in the application. Provide its class there`),
    ...declared
      .filter(({ id }) => !tasks.includes(id))
      .map(
        ({ id }) => `the task "${id}" is not scheduled: the application declares tasks. Provide its class there, too`,
      ),
  ];
  return { ignored, close: () => context.close() };
}

function loggerTo(line: (level: TaskLogLevel, message: string) => void): LoggerService {
  const write =
    (level: TaskLogLevel) =>
    (message: unknown, ...more: unknown[]) =>
      line(level, [message, ...more].map(textOf).join(' ').slice(0, 8_000));
  return {
    log: write('log'),
    error: write('error'),
    warn: write('warn'),
    debug: write('debug'),
    verbose: write('verbose'),
    fatal: write('fatal'),
  };
}
