import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/**
 * Tests with servers and processes are about time, and CI shares its two cores: one that fails is run once more there, and
 * both results are in the output. Not on a developer's machine, where a test that fails now and then is to be seen.
 */
const retry = process.env.CI ? 1 : 0;

const lib = fileURLToPath(new URL('./lib/', import.meta.url));

// unit needs nothing, integration needs a server or several processes, e2e boots applications.
export default defineConfig({
  oxc: { decorator: { legacy: true, emitDecoratorMetadata: true } },
  resolve: {
    alias: [
      { find: /^nestjs-asyncz$/, replacement: `${lib}index.ts` },
      { find: /^nestjs-asyncz\/(testing)$/, replacement: `${lib}$1/index.ts` },
      { find: /^nestjs-asyncz\/(typeorm|redis|mongoose)$/, replacement: `${lib}stores/$1/index.ts` },
    ],
  },
  test: {
    testTimeout: 30_000,
    projects: [
      { extends: true, test: { name: 'unit', include: ['test/**/*.spec.ts'] } },
      {
        extends: true,
        test: {
          name: 'integration',
          retry,
          include: ['test/**/*.int-spec.ts'],
          exclude: ['test/cluster/**'],
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 300_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'cluster',
          include: ['test/cluster/**/*.int-spec.ts'],
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 300_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'e2e',
          retry,
          include: ['test/**/*.e2e-spec.ts'],
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
});
