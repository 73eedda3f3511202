import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/**
 * Tests with servers and processes are about time, and CI shares its two cores: one that fails is run once more there, and
 * both results are in the output. Not on a developer's machine, where a test that fails now and then is to be seen.
 */
const retry = process.env.CI ? 1 : 0;

const withServers = { retry, testTimeout: 120_000, hookTimeout: 300_000 };

const lib = fileURLToPath(new URL('./lib/', import.meta.url));

// unit needs nothing, integration a server or several processes, e2e boots applications, cluster is whole clusters under
// faults.
export default defineConfig({
  oxc: { decorator: { legacy: true, emitDecoratorMetadata: true } },
  resolve: {
    alias: [
      { find: /^nestjs-asyncz$/, replacement: `${lib}index.ts` },
      { find: /^nestjs-asyncz\/store$/, replacement: `${lib}stores/index.ts` },
      { find: /^nestjs-asyncz\/(triggers|testing|client|api)$/, replacement: `${lib}$1/index.ts` },
      { find: /^nestjs-asyncz\/(typeorm|redis|mongoose)$/, replacement: `${lib}stores/$1/index.ts` },
      { find: /^nestjs-asyncz\/(class-validator)$/, replacement: `${lib}schemas/$1/index.ts` },
      { find: /^nestjs-asyncz\/(opentelemetry)$/, replacement: `${lib}observe/$1/index.ts` },
      { find: /^nestjs-asyncz\/(prometheus|terminus)$/, replacement: `${lib}nest/$1/index.ts` },
    ],
  },
  test: {
    testTimeout: 30_000,
    // Files of all kinds run three at a time, so each makes databases, ports and folders of its own. One of the three is that of
    // the clusters, which mostly waits, so this suits two cores: measured, 580 s instead of 690 s. No more of them: the servers
    // and the processes of the tests want a share of the machine as well.
    maxWorkers: 3,
    // They are begun in the order of the projects' names, which suits: the clusters, which mostly wait, beside everything else.
    projects: [
      {
        extends: true,
        test: {
          name: 'cluster',
          include: ['test/cluster/**/*.int-spec.ts'],
          // How many stores a scenario runs on at the same time when it is short: see cluster.int-spec.ts.
          maxConcurrency: 3,
          ...withServers,
        },
      },
      { extends: true, test: { name: 'e2e', include: ['test/**/*.e2e-spec.ts'], ...withServers } },
      {
        extends: true,
        test: {
          name: 'integration',
          include: ['test/**/*.int-spec.ts'],
          exclude: ['test/cluster/**'],
          ...withServers,
        },
      },
      // To start a process for each file, and to load the library in it, takes longer than most of them.
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.spec.ts'],
          setupFiles: ['test/support/random.setup.ts'],
          isolate: false,
        },
      },
    ],
  },
});
