import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

const LIB = join(ROOT, 'lib');

/** Inside node_modules, so that the built files find their packages; beside dist/, which others build and remove. */
const CACHE = join(ROOT, 'node_modules', '.cache', 'asyncz-built');

/** What child processes load. */
const ENTRIES = [
  'executors/async.executor',
  'model/clock',
  'nest/worker.entry',
  'observe/opentelemetry/index',
  'scheduler/scheduler',
  'stores/file/directory.layout',
  'stores/file/file.store',
  'stores/file/host.lock',
  'stores/file/socket.latch',
  'stores/mongoose/mongoose.store',
  'stores/redis/redis.store',
  'stores/typeorm/typeorm.store',
  'testing/plan.fixtures',
  'testing/store-context',
  'testing/store.steps',
  'testing/task.fixtures',
];

/** The modules of executors in tests, which their workers load: in the folder `workers` of what is built. */
const WORKERS = join(ROOT, 'test', 'support', 'workers');

/** What an application brings along, which is loaded as it is. */
const PEERS = /^(typeorm|mongoose|ioredis|rxjs|reflect-metadata|@nestjs\/.+|@opentelemetry\/.+)$/;

let built: Promise<string> | null = null;

/**
 * The library as JavaScript, for child processes of tests, which run it in plain Node. Built once for each state of
 * `lib/`, and put together into few files: hundreds of processes are started, and half of what each costs would be to look
 * for the library's files.
 *
 * @returns The folder that holds what `dist/` would hold of what child processes load.
 */
export function builtLibrary(): Promise<string> {
  built ??= build();
  return built;
}

async function build(): Promise<string> {
  const target = join(CACHE, await fingerprint());
  if (existsSync(target)) return target;
  await mkdir(CACHE, { recursive: true });
  const folder = await mkdtemp(join(CACHE, 'new-'));
  const library = ENTRIES.map((entry) => [entry, join(LIB, `${entry}.ts`)] as const);
  const workers = (await readdir(WORKERS)).map(
    (name) => [`workers/${name.slice(0, -3)}`, join(WORKERS, name)] as const,
  );
  const bundle = await rolldown({
    input: Object.fromEntries([...library, ...workers]),
    platform: 'node',
    external: PEERS,
    resolve: {
      extensionAlias: { '.js': ['.ts', '.js'] },
      alias: {
        'nestjs-asyncz/testing': join(LIB, 'testing', 'index.ts'),
        'nestjs-asyncz': join(LIB, 'index.ts'),
      },
    },
  });
  await bundle.write({ dir: folder, format: 'esm', entryFileNames: '[name].js' });
  await bundle.close();
  try {
    await rename(folder, target);
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    // Another test file was faster.
    if (!existsSync(target)) throw error;
  }
  return target;
}

async function fingerprint(): Promise<string> {
  const hash = createHash('sha256').update(ENTRIES.join());
  for (const folder of [LIB, WORKERS]) {
    const names = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.ts')).sort();
    for (const name of names) {
      const { mtimeMs, size } = await stat(join(folder, name));
      hash.update(`${name} ${mtimeMs} ${size}\n`);
    }
  }
  return hash.digest('hex').slice(0, 16);
}
