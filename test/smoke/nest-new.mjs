// Proves the package in projects as `nest new` makes them, with nothing configured: compiles the example of docs/testing.md in
// them, runs its tests with the project's own runner, starts the application and waits for a run.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { root, run, step } from './packing.mjs';

const PROJECTS = [
  {
    nest: 11,
    options: [],
    // An application that uses every store.
    peers: [
      'ioredis',
      'typeorm',
      'mongoose',
      '@nestjs/typeorm@11',
      '@nestjs/mongoose@11',
      'class-validator',
      'class-transformer',
      '@opentelemetry/api',
      'prom-client',
      '@nestjs/terminus@11',
    ],
    test: ['node_modules/jest/bin/jest.js'],
    // The code of a project in CommonJS, as it is in the documentation.
    adapt: (code) => code,
    /** The newer versions of Node.js to test with, besides the one that runs this. */
    nodes: [22, 24],
    /** The module settings of older projects, and of other tools. */
    modules: [
      { module: 'commonjs', moduleResolution: 'node10', resolvePackageJsonExports: false },
      { module: 'node16', moduleResolution: 'node16' },
      { module: 'esnext', moduleResolution: 'bundler' },
    ],
  },
  {
    nest: 12,
    options: ['--no-observe'],
    peers: [],
    test: ['node_modules/vitest/vitest.mjs', 'run'],
    adapt: (code) => code.replaceAll(/(from '\.[^']*)'/g, "$1.js'").replaceAll('jest.', 'vi.'),
    nodes: [],
    modules: [],
  },
];

const INSTALL = ['install', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error'];

/** Prints a line that can be waited for. */
const TICKER = `import { Injectable } from '@nestjs/common';
import { ScheduledTask } from 'nestjs-asyncz';

@Injectable()
export class Ticker {
  @ScheduledTask({ id: 'tick', trigger: 'interval', seconds: 1 })
  tick(): void {
    console.log('ticked');
  }
}
`;

/** The blocks of a page that begin with the path of a file. */
function filesOf(page) {
  const blocks = readFileSync(join(root, page), 'utf8').matchAll(/^```ts\n\/\/ (src\/\S+)\n([\s\S]*?)^```/gm);
  return [...blocks].map(([, path, code]) => ({ path, code }));
}

function put(app, path, code) {
  mkdirSync(dirname(join(app, path)), { recursive: true });
  writeFileSync(join(app, path), code);
}

function create({ nest, options, peers }, folder, tarball) {
  const name = `nest-${nest}`;
  const flags = ['--skip-git', '--package-manager', 'npm', ...options];
  run(
    'npm',
    ['exec', '--yes', '--loglevel=error', `--package=@nestjs/cli@${nest}`, '--', 'nest', 'new', name, ...flags],
    folder,
  );
  const app = join(folder, name);
  run('npm', [...INSTALL, tarball, ...peers], app);
  return app;
}

/** Adds what a user adds: the files of the documentation, the modules, and a test of every entry where its peer is there. */
function extend({ adapt, peers }, app, specifiers) {
  const files = filesOf('docs/testing.md');
  assert.ok(files.length >= 4, 'docs/testing.md has no files');
  for (const { path, code } of files) put(app, path, adapt(code));
  put(app, 'src/ticker.ts', TICKER);
  const imports = [
    `import { AsynczModule } from 'nestjs-asyncz';`,
    `import { ReportsModule } from './reports/reports.module';`,
    `import { Ticker } from './ticker';`,
  ];
  const modules = `ReportsModule, AsynczModule.forRoot({ stores: { default: { type: 'file', directory: './var/tasks' } } })`;
  const source = readFileSync(join(app, 'src/app.module.ts'), 'utf8');
  const changed = source
    .replace('imports: []', `imports: [${modules}]`)
    .replace('[AppService]', '[AppService, Ticker]');
  assert.ok(changed.includes(modules) && changed.includes('Ticker'), `nest new makes another app.module.ts: ${source}`);
  put(app, 'src/app.module.ts', `${adapt(imports.join('\n'))}\n${changed}`);
  if (peers.length > 0) {
    cpSync(join(root, 'test/smoke/app/entries.ts'), join(app, 'src/entries.spec.ts'));
    const named = readFileSync(join(app, 'src/entries.spec.ts'), 'utf8');
    for (const specifier of specifiers)
      assert.ok(named.includes(`'${specifier}'`), `entries.ts leaves out ${specifier}`);
  }
}

/** The official binary of another version of Node.js, from its package. */
function installNode(version, folder) {
  const name = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
  const place = join(folder, `node-${version}`);
  put(place, 'package.json', '{ "private": true }');
  run('npm', [...INSTALL, `${name}@${version}`], place);
  return join(place, 'node_modules', name, 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
}

/** Starts an application and ends it when a task has run. Fails when it ends by itself, or writes of an experiment. */
function startAndSeeARun(node, main, app) {
  // Its task would be held by the one before, which a signal has ended, until the lease is over.
  rmSync(join(app, 'var'), { recursive: true, force: true });
  return new Promise((resolve, reject) => {
    const child = spawn(node, [main], {
      cwd: app,
      env: { ...process.env, PORT: '0' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    let hasRun = false;
    const timer = setTimeout(() => child.kill('SIGKILL'), 60_000);
    const read = (chunk) => {
      output += chunk;
      if (hasRun || !output.includes('ticked')) return;
      hasRun = true;
      child.kill('SIGTERM');
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    child.once('error', reject);
    child.once('close', () => {
      clearTimeout(timer);
      if (hasRun && !output.includes('ExperimentalWarning')) resolve();
      else reject(new Error(`${main} ran no task as it should:\n${output}`));
    });
  });
}

/** The command line sees the tasks of the application that was just run, in the application's own context. */
function seeByCommandLine(node, app) {
  const bin = 'node_modules/nestjs-asyncz/dist/esm/cli.js';
  const { tasks } = JSON.parse(run(node, [bin, 'list', '--app', 'dist/app.module.js', '--json'], app));
  assert.ok(
    tasks.some(({ id, handler }) => id === 'tick' && handler === 'Ticker.tick'),
    JSON.stringify(tasks),
  );
}

async function compileAs(options, app) {
  const name = `${options.module}-${options.moduleResolution}`;
  const compilerOptions = { ...options, outDir: `dist-${name}`, rootDir: 'src', incremental: false };
  const config = { extends: './tsconfig.json', compilerOptions, include: ['src'] };
  writeFileSync(join(app, `tsconfig.${name}.json`), JSON.stringify(config));
  run(join(app, 'node_modules/.bin/tsc'), ['-p', `tsconfig.${name}.json`], app);
  // What "bundler" gives is for a bundler.
  if (options.moduleResolution !== 'bundler') await startAndSeeARun(process.execPath, `dist-${name}/main.js`, app);
}

async function prove(project, folder, tarball, specifiers) {
  const title = `nest new, NestJS ${project.nest}`;
  const app = await step(`${title}: create, install`, () => create(project, folder, tarball));
  extend(project, app, specifiers);
  await step(`${title}: nest build`, () => run('npm', ['run', '--silent', 'build'], app));
  const nodes = [{ version: process.versions.node, node: process.execPath }];
  for (const version of project.nodes) nodes.push({ version, node: installNode(version, folder) });
  for (const { version, node } of nodes) {
    await step(`${title}: its tests on Node.js ${version}`, () => run(node, project.test, app, { NODE_OPTIONS: '' }));
    await step(`${title}: start on Node.js ${version}`, () => startAndSeeARun(node, 'dist/main.js', app));
    await step(`${title}: the command line on Node.js ${version}`, () => seeByCommandLine(node, app));
  }
  for (const options of project.modules) {
    await step(`${title}: module ${options.module}, moduleResolution ${options.moduleResolution}`, () =>
      compileAs(options, app),
    );
  }
}

/** @param {string[]} specifiers Every entry of the package. */
export async function proveInNewProjects(folder, tarball, specifiers) {
  for (const project of PROJECTS) await prove(project, folder, tarball, specifiers);
}
