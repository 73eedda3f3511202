// Proves the package and not only the source: packs it, installs the tarball into empty applications without any optional
// peer and into projects of `nest new`, loads every export, compiles against the types and runs tasks. See CONTRIBUTING.md, "Smoke test".
import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { bareImports } from './declaration.imports.mjs';
import { proveInNewProjects } from './nest-new.mjs';
import { emptyFolder, pack, root, run, step } from './packing.mjs';

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const optionalPeers = Object.keys(manifest.peerDependenciesMeta);
const subpaths = Object.keys(manifest.exports).filter((subpath) => subpath !== './package.json');
const specifierOf = (subpath) => manifest.name + subpath.slice(1);

/** The entries for a database, a library of schemas or a system of metrics, each of which imports its package. */
const NEED_PEERS = new Set([
  './typeorm',
  './redis',
  './mongoose',
  './class-validator',
  './opentelemetry',
  './prometheus',
  './terminus',
]);

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

/** The command line as `npx` finds it, without any optional peer. */
function askTheCommandLine(app) {
  assert.equal(run('npx', ['--no-install', 'asyncz', 'version'], app).trim(), manifest.version);
  const list = JSON.parse(run('npx', ['--no-install', 'asyncz', 'list', '--store', 'memory:', '--json'], app));
  assert.deepEqual(list, { tasks: [], total: 0 });
  writeFileSync(
    join(app, 'asyncz.config.ts'),
    'const stores: Record<string, string> = { default: "memory:" };\nexport default { stores };\n',
  );
  assert.match(run('npx', ['--no-install', 'asyncz', 'timeline'], app), /Nothing is to run/);
}

/** What is the same both ways of loading in one process, for entries that load there. */
function assertOneIdentity(script, names, cwd) {
  const { different, result, isCaught } = JSON.parse(run(process.execPath, [script, ...names.map(specifierOf)], cwd));
  for (const [specifier, strangers] of Object.entries(different)) assert.deepEqual(strangers, [], specifier);
  assert.equal(result, 'hello', 'a task of the required decorator does not run in the imported module');
  assert.ok(isCaught, 'an error of the imported service is not of the required class');
}

/** How many files of the package an import of the main entry loads at the most: each costs most of a millisecond. */
const MOST_FILES = 20;

/** What every process pays: the main entry is a few files, and brings no package of a database along. */
function assertLoadsLittle() {
  const loaded = run(process.execPath, ['test/smoke/app/files.mjs', manifest.name], root).trim().split('\n');
  const own = loaded.filter((url) => url.includes('/dist/'));
  assert.ok(
    own.some((url) => url.endsWith('/dist/esm/index.js')),
    loaded.join('\n'),
  );
  const ours = own.filter((url) => !url.includes('/node_modules/'));
  assert.ok(ours.length <= MOST_FILES, `the main entry loads ${ours.length} files:\n${ours.join('\n')}`);
  const peers = loaded.filter((url) => optionalPeers.some((peer) => url.includes(`/node_modules/${peer}/`)));
  assert.deepEqual(peers, []);
}

/** The CommonJS build by its paths, since Node.js never chooses it: it has what the ES modules have. */
async function assertBuiltAlike() {
  const require = createRequire(import.meta.url);
  for (const subpath of subpaths) {
    const { require: built, default: source } = manifest.exports[subpath];
    const [commonjs, esm] = [require(join(root, built.default)), await import(join(root, source.default))];
    assert.deepEqual(Object.keys(commonjs).sort(), Object.keys(esm).sort(), subpath);
    for (const [name, value] of Object.entries(esm)) {
      assert.equal(typeof commonjs[name], typeof value, name);
      assert.equal(commonjs[name].name, value.name, `the name of ${name}`);
    }
  }
}

/** The links of the pages that are packed lead to files that are packed. */
function assertLinksLead(app) {
  const packed = join(app, 'node_modules', manifest.name);
  const pages = ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md'];
  for (const folder of ['docs', 'sample']) {
    for (const name of readdirSync(join(packed, folder), { recursive: true })) {
      if (name.endsWith('.md')) pages.push(join(folder, name));
    }
  }
  for (const page of pages) {
    for (const [, target] of readFileSync(join(packed, page), 'utf8').matchAll(/\]\(([^)\s#]+)/g)) {
      const isThere = /^https?:/.test(target) || existsSync(join(packed, dirname(page), target));
      assert.ok(isThere, `${page} leads to ${target}, which is not in the package`);
    }
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
  await step('build', () => run('npm', ['run', '--silent', 'build'], root));
  await step('publint', () => run(join(root, 'node_modules/.bin/publint'), ['run', root, '--strict'], root));
  await step('no type of an optional peer in the entries that load without one', () => {
    for (const subpath of subpaths.filter((name) => !NEED_PEERS.has(name))) {
      const imports = bareImports(join(root, manifest.exports[subpath].default.types));
      const leaks = imports.filter(({ name }) => optionalPeers.includes(name));
      assert.deepEqual(leaks, [], subpath);
    }
  });
  await step('every entry loads in plain Node where all peers are there', () => {
    const outcomes = JSON.parse(run(process.execPath, ['test/smoke/app/load.mjs', ...subpaths.map(specifierOf)], root));
    for (const [specifier, { names, message }] of Object.entries(outcomes)) {
      assert.ok(names?.length > 0, `${specifier}: ${message}`);
    }
  });
  await step('the main entry loads few files', assertLoadsLittle);
  await step('every entry is the same imported and required', () =>
    assertOneIdentity('test/smoke/app/identity.mjs', subpaths, root),
  );
  await step('the CommonJS build has the same exports', assertBuiltAlike);
  const tarball = await step('pack', () => pack(folder));
  for (const application of APPLICATIONS) {
    const app = await step(`${application.name}: install`, () => install(application, folder, tarball));
    await step(`${application.name}: load ${subpaths.join(' ')}`, () => load(application, app));
    await step(`${application.name}: name the package that a store needs`, () => askForMissing(app));
    await step(`${application.name}: the command line by npx`, () => askTheCommandLine(app));
    await step(`${application.name}: imported and required in one process`, () =>
      assertOneIdentity(
        'identity.mjs',
        subpaths.filter((name) => !NEED_PEERS.has(name)),
        app,
      ),
    );
    await step(`${application.name}: the links of the packed pages`, () => assertLinksLead(app));
    await step(`${application.name}: compile and run a task`, () => compileAndRun(app));
  }
  await proveInNewProjects(folder, tarball, subpaths.map(specifierOf));
  console.log('smoke test passed');
} finally {
  rmSync(folder, { recursive: true, force: true });
}
