// Proves the package and not only the source: packs it, installs the tarball into empty applications without any optional
// peer, loads every export, compiles against the types and runs one task. See CONTRIBUTING.md, "Smoke test".
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bareImports } from './declaration.imports.mjs';
import { emptyFolder, pack, root, run, step } from './packing.mjs';

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const optionalPeers = Object.keys(manifest.peerDependenciesMeta);
const subpaths = Object.keys(manifest.exports).filter((subpath) => subpath !== './package.json');
const specifierOf = (subpath) => manifest.name + subpath.slice(1);

/** The entries for a database, each of which imports its package. */
const NEED_PEERS = new Set(['./typeorm', './redis', './mongoose']);

const APPLICATIONS = [
  { name: 'esm', type: 'module', nest: manifest.devDependencies['@nestjs/core'], load: 'load.mjs' },
  { name: 'commonjs', type: 'commonjs', nest: manifest.devDependencies['@nestjs/core'], load: 'load.cjs' },
  { name: 'commonjs-nest-11', type: 'commonjs', nest: '^11.0.0', load: 'load.cjs' },
];

function install({ name, type, nest }, folder, tarball) {
  const app = join(folder, name);
  mkdirSync(app);
  cpSync(join(root, 'test/smoke/app'), app, { recursive: true });
  writeFileSync(join(app, 'package.json'), JSON.stringify({ name, private: true, type }));
  const { 'reflect-metadata': metadata, rxjs } = manifest.devDependencies;
  const peers = [`@nestjs/common@${nest}`, `@nestjs/core@${nest}`, `reflect-metadata@${metadata}`, `rxjs@${rxjs}`];
  run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', '--no-package-lock', tarball, ...peers], app);
  return app;
}

/** Everything loads but the entries of databases, which say what is missing. */
function load({ load: script }, app) {
  const outcomes = JSON.parse(run(process.execPath, [script, ...subpaths.map(specifierOf)], app));
  for (const subpath of subpaths) {
    const { names, code, message } = outcomes[specifierOf(subpath)];
    if (NEED_PEERS.has(subpath)) {
      assert.equal(code, 'ERR_MODULE_NOT_FOUND', `${subpath} without its package: ${message ?? 'it loaded'}`);
      assert.ok(
        optionalPeers.some((peer) => message.includes(`'${peer}'`)),
        `${subpath} names no optional peer: ${message}`,
      );
    } else {
      assert.ok(names?.length > 0, `${subpath} exports nothing: ${code} ${message}`);
    }
  }
}

/** A store whose package is not installed says which one, and how it is installed. */
function askForMissing(app) {
  const lines = run(process.execPath, ['missing.mjs'], app).trim().split('\n');
  for (const [at, peer] of ['typeorm', 'ioredis', 'mongoose'].entries()) {
    assert.match(lines[at], new RegExp(`^ASYNCZ_MISSING_DEPENDENCY .*npm install ${peer}$`));
  }
}

/** Compiles with the compiler of this repository, and runs what comes out. */
function compileAndRun(app) {
  const compilerOptions = {
    module: 'nodenext',
    target: 'ES2022',
    lib: ['ES2023'],
    strict: true,
    experimentalDecorators: true,
    emitDecoratorMetadata: true,
    skipLibCheck: true,
    types: ['node'],
    typeRoots: [join(root, 'node_modules/@types')],
    outDir: 'out',
    rootDir: '.',
  };
  writeFileSync(join(app, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['app.ts'] }));
  run(join(root, 'node_modules/.bin/tsc'), ['-p', '.'], app);
  assert.equal(run(process.execPath, ['out/app.js'], app).trim(), 'hello packed 1, attempt 1');
}

delete process.env.NODE_PATH;
const folder = emptyFolder();
try {
  step('build', () => run('npm', ['run', '--silent', 'build'], root));
  step('publint', () => run(join(root, 'node_modules/.bin/publint'), ['run', root, '--strict'], root));
  step('no type of an optional peer in the entries that load without one', () => {
    for (const subpath of subpaths.filter((name) => !NEED_PEERS.has(name))) {
      const imports = bareImports(join(root, manifest.exports[subpath].types));
      const leaks = imports.filter(({ name }) => optionalPeers.includes(name));
      assert.deepEqual(leaks, [], subpath);
    }
  });
  step('every entry loads in plain Node where all peers are there', () => {
    const outcomes = JSON.parse(run(process.execPath, ['test/smoke/app/load.mjs', ...subpaths.map(specifierOf)], root));
    for (const [specifier, { names, message }] of Object.entries(outcomes)) {
      assert.ok(names?.length > 0, `${specifier}: ${message}`);
    }
  });
  const tarball = step('pack', () => pack(folder));
  for (const application of APPLICATIONS) {
    const app = step(`${application.name}: install`, () => install(application, folder, tarball));
    step(`${application.name}: load ${subpaths.join(' ')}`, () => load(application, app));
    step(`${application.name}: name the package that a store needs`, () => askForMissing(app));
    step(`${application.name}: compile and run a task`, () => compileAndRun(app));
  }
  console.log('smoke test passed');
} finally {
  rmSync(folder, { recursive: true, force: true });
}
