import { createRequire } from 'node:module';
import { isAbsolute } from 'node:path';
import { pathToFileURL } from 'node:url';
import { InvalidOptionError } from '../../errors/input.errors.js';

/**
 * The module of an executor: a function that imports it, which is read and never called, or its URL or absolute path.
 *
 * @publicApi
 */
export type WorkerModule = (() => unknown) | URL | string;

const ALLOWED =
  "() => import('./worker.module.js'), new URL('./worker.module.js', import.meta.url), a file URL or an absolute path";

/** The one module that a function imports, as it is written, or as a compiler has made it a `require`. */
const IMPORT = /\b(?:import|require)\(\s*(?:\/\*.*?\*\/\s*)*(["'`])([^"'`$\\]+)\1\s*\)/gs;

function refuse(module: unknown, options?: ErrorOptions): never {
  throw new InvalidOptionError('module', module, ALLOWED, options);
}

/** What a function imports. @throws InvalidOptionError */
function specifierOf(module: () => unknown): string {
  const found = [...Function.prototype.toString.call(module).matchAll(IMPORT)].map(([, , specifier]) => specifier!);
  if (found.length !== 1) refuse(Function.prototype.toString.call(module));
  return found[0]!;
}

/**
 * The file that a function stands in. The engine of JavaScript knows it, and tells debuggers.
 *
 * @returns The path or the URL.
 */
async function fileOf(fn: () => unknown): Promise<string> {
  const { Session } = await import('node:inspector/promises');
  const session = new Session();
  const key = `asyncz:module:${Math.random()}`;
  const files = new Map<string, string>();
  session.connect();
  try {
    session.on('Debugger.scriptParsed', ({ params }) => files.set(params.scriptId, params.url));
    (globalThis as Record<string, unknown>)[key] = fn;
    const { result } = await session.post('Runtime.evaluate', { expression: `globalThis[${JSON.stringify(key)}]` });
    const { internalProperties = [] } = await session.post('Runtime.getProperties', { objectId: result.objectId! });
    await session.post('Debugger.enable');
    const location = internalProperties.find(({ name }) => name === '[[FunctionLocation]]')?.value?.value as
      { scriptId: string } | undefined;
    return files.get(location?.scriptId ?? '') ?? '';
  } finally {
    delete (globalThis as Record<string, unknown>)[key];
    session.disconnect();
  }
}

/** Checks what can be checked at once. @throws InvalidOptionError */
export function checkModule(module: WorkerModule): WorkerModule {
  if (module instanceof URL) {
    if (module.protocol !== 'file:') refuse(module.href);
  } else if (typeof module === 'string') {
    if (!module.startsWith('file:') && !isAbsolute(module)) refuse(module);
  } else if (typeof module === 'function') specifierOf(module);
  else refuse(module);
  return module;
}

/**
 * The URL of a module for workers.
 *
 * @throws InvalidOptionError When it cannot be told, such as of a function that imports what a variable names.
 */
export async function locateModule(module: WorkerModule): Promise<string> {
  if (module instanceof URL) return module.href;
  if (typeof module === 'string') return module.startsWith('file:') ? module : pathToFileURL(module).href;
  const specifier = specifierOf(module);
  if (specifier.startsWith('file:')) return specifier;
  const file = await fileOf(module);
  try {
    const require = createRequire(file);
    return pathToFileURL(require.resolve(specifier)).href;
  } catch (error) {
    // One that is not there does not boot, whichever way it is given.
    if (file !== '' && specifier.startsWith('.')) return new URL(specifier, baseOf(file)).href;
    return refuse(`${specifier}, imported in ${file || 'an unknown file'}`, { cause: error });
  }
}

function baseOf(file: string): string {
  return file.startsWith('file:') ? file : pathToFileURL(file).href;
}
