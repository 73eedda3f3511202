import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { checkModule, locateModule } from '../../../lib/executors/pool/module.location.js';
import type { WorkerModule } from '../../../lib/executors/pool/module.location.js';

/** Functions of a file that Node.js has loaded itself, beside a file `worker.js`. */
function functionsOf(code: string): { readonly folder: string; readonly functions: Record<string, () => unknown> } {
  const folder = mkdtempSync(join(tmpdir(), 'asyncz-module-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, 'node_modules', 'jobs'), { recursive: true });
  writeFileSync(join(folder, 'node_modules', 'jobs', 'index.js'), '');
  writeFileSync(join(folder, 'worker.js'), '');
  writeFileSync(join(folder, 'config.cjs'), code);
  return {
    folder,
    functions: createRequire(import.meta.url)(join(folder, 'config.cjs')) as Record<string, () => unknown>,
  };
}

describe('the module of an executor', () => {
  it.each([
    ['an import', `exports.module = () => import('./worker.js')`],
    ['an import with a comment', `exports.module = () => import(/* webpackIgnore: true */ "./worker.js")`],
    [
      'what a compiler makes of it',
      'exports.module = () => Promise.resolve().then(() => __importStar(require("./worker")))',
    ],
    ['a method', `exports.module = { module() { return import('./worker.js'); } }.module`],
    ['an asynchronous function', `exports.module = async function () { return await import('./worker.js'); }`],
  ])('is found from the file that its function stands in: %s', async (_, code) => {
    const { folder, functions } = functionsOf(code);
    expect(await locateModule(functions.module!)).toBe(pathToFileURL(join(folder, 'worker.js')).href);
  });

  it('may be of a package', async () => {
    const { folder, functions } = functionsOf(`exports.module = () => import('jobs')`);
    expect(await locateModule(functions.module!)).toBe(pathToFileURL(join(folder, 'node_modules/jobs/index.js')).href);
  });

  it('is not looked at if it is not there: it does not boot', async () => {
    const { folder, functions } = functionsOf(`exports.module = () => import('./missing.js')`);
    expect(await locateModule(functions.module!)).toBe(pathToFileURL(join(folder, 'missing.js')).href);
  });

  it('is never imported here', async () => {
    const { functions } = functionsOf(`exports.module = () => { throw new Error('called'); import('./worker.js'); }`);
    await expect(locateModule(functions.module!)).resolves.toMatch(/worker\.js$/);
  });

  it('is a URL of a file, or an absolute path', async () => {
    for (const module of [new URL('file:///app/worker.js'), 'file:///app/worker.js', '/app/worker.js']) {
      expect(await locateModule(checkModule(module))).toBe('file:///app/worker.js');
    }
  });

  it.each<[unknown]>([
    [undefined],
    [7],
    ['worker.js'],
    [new URL('https://example.com/worker.js')],
    [(name: string) => name],
  ])('is refused if it cannot be told: %s', (module) => {
    expect(() => checkModule(module as WorkerModule)).toThrow(/^Invalid module: .* Allowed: \(\) => import\(/s);
  });

  it.each([
    ['exports.module = (name) => import(name)'],
    ['exports.module = (name) => import(`./${name}.js`)'],
    [`exports.module = () => Math.random() > 0.5 ? import('./a.js') : import('./b.js')`],
  ])('is refused if its function imports what is not known: %s', (code) => {
    expect(() => checkModule(functionsOf(code).functions.module!)).toThrow('Allowed: () => import(');
  });

  it('of a package that is not there is refused', async () => {
    const { functions } = functionsOf(`exports.module = () => import('not-there')`);
    await expect(locateModule(functions.module!)).rejects.toThrow('Invalid module: "not-there, imported in ');
  });
});
