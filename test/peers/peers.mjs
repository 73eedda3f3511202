// Proves the ranges of the optional peers: packs the package, installs it beside the oldest versions that it allows and
// beside the other majors, runs the conformance kit with them on real servers, and boots an application of NestJS with each.
import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { emptyFolder, pack, root, run, step } from '../smoke/packing.mjs';
import { bringUpServers } from '../support/servers/bring-up-servers.mjs';

const NEST = ['common', 'core', 'platform-express', 'microservices', 'typeorm', 'mongoose'];

/** One process for each: what the repository itself is tested with is not here. */
const APPLICATIONS = [
  {
    name: 'the oldest',
    packages: [
      ...NEST.map((name) => `@nestjs/${name}@11.0.0`),
      'typeorm@0.3.0',
      '@nestjs/event-emitter@3.0.0',
      'ioredis@5.0.0',
      'mongoose@8.0.0',
    ],
    stores: ['sqlite', 'postgres', 'mysql', 'redis', 'mongodb'],
  },
  {
    name: 'other majors',
    packages: [
      ...NEST.map((name) => `@nestjs/${name}@^11.0.0`),
      'typeorm@^0.3.0',
      '@nestjs/event-emitter@^3.0.0',
      'ioredis@^6.0.0',
      'mongoose@^8.0.0',
    ],
    stores: ['sqlite', 'postgres', 'redis', 'mongodb'],
  },
];

/** Drivers of TypeORM, and what NestJS needs. */
const BESIDE = ['pg', 'mysql2', 'reflect-metadata', 'rxjs'];

/** How long the kit of one application may take, in milliseconds. */
const TIMEOUT_MS = 900_000;

function install({ name, packages }, folder, tarball) {
  const app = join(folder, name.replaceAll(' ', '-'));
  mkdirSync(app);
  cpSync(join(root, 'test/peers/app'), app, { recursive: true });
  writeFileSync(join(app, 'package.json'), JSON.stringify({ name: 'peers', private: true, type: 'module' }));
  const flags = ['--prefer-offline', '--no-audit', '--no-fund', '--no-package-lock', '--legacy-peer-deps'];
  run('npm', ['install', ...flags, tarball, ...packages, ...BESIDE], app);
  // It is compiled here already, which takes a minute.
  const sqlite = join(root, 'node_modules/better-sqlite3');
  if (existsSync(sqlite)) symlinkSync(sqlite, join(app, 'node_modules/better-sqlite3'));
  return app;
}

/** Runs a script of an application with its output beside ours, and fails as it fails. */
function start(args, cwd, env) {
  return new Promise((resolve, reject) => {
    const options = {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'inherit', 'inherit'],
      timeout: TIMEOUT_MS,
    };
    const child = spawn(process.execPath, args, options);
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      if (code === 0) resolve();
      else reject(new Error(`node ${args.join(' ')} ended with ${code ?? signal}`));
    });
  });
}

delete process.env.NODE_PATH;
const servers = await bringUpServers();
const folder = emptyFolder();
try {
  for (const line of servers.lines) console.log(line);
  await step('build', () => run('npm', ['run', '--silent', 'build'], root));
  const tarball = await step('pack', () => pack(folder));
  for (const application of APPLICATIONS) {
    const app = await step(`${application.name}: install ${application.packages.join(' ')}`, () =>
      install(application, folder, tarball),
    );
    const stores = application.stores.filter((store) => !servers.absent.includes(store));
    const env = { ...servers.env, PEERS_STORES: stores.join(','), PEERS_FOLDER: app };
    await start(['--test', '--test-reporter=dot', 'kit.test.mjs'], app, env);
    console.log(`\nok  ${application.name}: the kit on ${stores.join(', ')}`);
    await start(['order.mjs'], app, env);
    console.log(`ok  ${application.name}: the scheduler is the last to start and the first to stop`);
    await start(['pipeline.mjs'], app, env);
    console.log(`ok  ${application.name}: guards, interceptors, pipes, filters and scopes around runs`);
    await start(['nest.mjs'], app, env);
    console.log(`ok  ${application.name}: an application of NestJS on ${stores.join(', ')}`);
  }
  console.log('peers passed');
} finally {
  await servers.stop();
  rmSync(folder, { recursive: true, force: true });
}
