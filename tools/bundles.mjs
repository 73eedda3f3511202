// Puts the modules of `dist` together into few files: `dist/esm`, which Node.js loads, and `dist/cjs`, for loaders that cannot
// `require` ES modules: jest, and bundlers. See docs/adr/0014 and docs/adr/0065.
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const root = resolve(fileURLToPath(import.meta.url), '../..');
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const packages = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies });

/** Dependencies that exist as ES modules only. They become a part of the CommonJS build, and their licences of the package. */
const BUNDLED = ['devalue'];

/** The entries of the package: `./store` is built from `dist/stores/index.js` to `dist/esm/store.js` and `dist/cjs/store.cjs`. */
const entries = Object.entries(manifest.exports)
  .filter(([subpath]) => subpath !== './package.json')
  .map(([subpath, conditions]) => {
    const name = subpath === '.' ? 'index' : subpath.slice(2);
    const { 'module-sync': sync, require: built, default: source } = conditions;
    const expected = [`./dist/esm/${name}.js`, `./dist/esm/${name}.js`, `./dist/cjs/${name}.cjs`];
    if ([sync?.default, source?.default, built?.default].join() !== expected.join()) {
      throw new Error(
        `"${subpath}" in "exports" must have "module-sync", "default" and "require" that lead to ${expected.join(', ')}`,
      );
    }
    return { name, types: source.types };
  });

/**
 * Files that are loaded by their path, never by a name of the package: what a thread or a process of an executor begins with (see
 * docs/adr/0074), and the command line.
 */
const PROGRAMS = {
  worker: join(root, 'dist', 'nest', 'worker.entry.js'),
  cli: join(root, 'dist', 'cli', 'cli.entry.js'),
};

/** The folders below `dist` of entries that nobody uses without the main one. */
const BESIDE_MAIN = ['observe/opentelemetry', 'nest/prometheus', 'nest/terminus'];

/**
 * A program imports the main entry anyway, and so does who uses the entries beside it. They do so first: then all that they share is shared
 * by the same entries as before, and is split into no further files, each of which every application would load.
 */
const withMainEntry = {
  name: 'with-main-entry',
  transform: (code, id) => {
    if (Object.values(PROGRAMS).includes(id)) return code.replace(/^(#!.*\n)?/, `$1import '../index.js';\n`);
    const isBeside = BESIDE_MAIN.some((folder) => id === join(root, 'dist', folder, 'index.js'));
    return isBeside ? `import '../../index.js';\n${code}` : null;
  },
};

/** @param external The packages that stay outside. @param further What is an entry of this build alone. */
/**
 * The errors that the client of the HTTP API has, and the words that they need: one file for all entries, or each that another set of
 * entries needs would be one. What browsers cannot load must not be among them.
 */
const ERRORS = {
  name: 'errors',
  priority: 2,
  test: /dist\/(errors\/(adding|api|input|persistence|run|scheduler|schema|task|trigger)\.errors|errors\/(asyncz|unavailable)\.error|errors\/http\.status|model\/names)\.js$/,
};

/** The same for the words and clocks of all others. */
const MODEL = { name: 'model', priority: 1, test: /dist\/(model|time)\// };

async function write(external, options, further = {}) {
  const input = Object.fromEntries(
    entries.map(({ name, types }) => [name, join(root, types.replace(/\.d\.ts$/, '.js'))]),
  );
  const bundle = await rolldown({
    input: { ...input, ...further },
    platform: 'node',
    plugins: [withMainEntry],
    external: (id) => id.startsWith('node:') || external.some((name) => id === name || id.startsWith(`${name}/`)),
  });
  // Classes are known to users by name, in messages and in logs.
  await bundle.write({ ...options, keepNames: true, codeSplitting: { groups: [ERRORS, MODEL] } });
  await bundle.close();
}

await write(
  packages,
  { dir: join(root, 'dist', 'esm'), format: 'esm', entryFileNames: '[name].js', chunkFileNames: 'shared/[name].js' },
  PROGRAMS,
);

const cjs = join(root, 'dist', 'cjs');
const required = packages.filter((name) => !BUNDLED.includes(name));
await write(required, {
  dir: cjs,
  format: 'cjs',
  entryFileNames: '[name].cjs',
  chunkFileNames: 'shared/[name].cjs',
  // jest can import nothing while it runs CommonJS.
  dynamicImportInCjs: false,
});

// The types are those of the ES modules: with a second set, a class of the one would be another type than that of the other.
for (const { name, types } of entries) {
  const source = types.replace('./dist/', '../').replace(/\.d\.ts$/, '.js');
  writeFileSync(join(cjs, `${name}.d.cts`), `export * from '${source}';\n`);
}

const licences = BUNDLED.map((name) => {
  const { version } = JSON.parse(readFileSync(join(root, 'node_modules', name, 'package.json'), 'utf8'));
  const text = readFileSync(join(root, 'node_modules', name, 'LICENSE'), 'utf8');
  return `${name} ${version}, a part of the files in this folder:\n\n${text.trim()}\n`;
});
writeFileSync(join(cjs, 'LICENSES.txt'), licences.join('\n'));
