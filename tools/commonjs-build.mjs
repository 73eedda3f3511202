// Builds `dist/cjs` out of `dist`, for loaders that cannot `require` ES modules: jest, and bundlers. See docs/adr/0014.
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const root = resolve(fileURLToPath(import.meta.url), '../..');
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const target = join(root, 'dist', 'cjs');

/** Dependencies that exist as ES modules only. They become a part of the build, and their licences of the package. */
const BUNDLED = ['devalue'];

const required = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies }).filter(
  (name) => !BUNDLED.includes(name),
);

/** The entries of the package: `./store` is built from `dist/stores/index.js` to `dist/cjs/store.cjs`. */
const entries = Object.entries(manifest.exports)
  .filter(([subpath]) => subpath !== './package.json')
  .map(([subpath, { require: built, default: source }]) => {
    const name = subpath === '.' ? 'index' : subpath.slice(2);
    if (built?.default !== `./dist/cjs/${name}.cjs`) {
      throw new Error(`"${subpath}" in "exports" must have "require" with "default": "./dist/cjs/${name}.cjs"`);
    }
    return { name, source: source.default };
  });

const bundle = await rolldown({
  input: Object.fromEntries(entries.map(({ name, source }) => [name, join(root, source)])),
  platform: 'node',
  external: (id) => id.startsWith('node:') || required.some((name) => id === name || id.startsWith(`${name}/`)),
});
await bundle.write({
  dir: target,
  format: 'cjs',
  entryFileNames: '[name].cjs',
  chunkFileNames: 'shared/[name].cjs',
  // Classes are known to users by name, in messages and in logs.
  keepNames: true,
  // jest can import nothing while it runs CommonJS.
  dynamicImportInCjs: false,
});
await bundle.close();

// The types are those of the ES modules: with a second set, a class of the one would be another type than that of the other.
for (const { name, source } of entries) {
  writeFileSync(join(target, `${name}.d.cts`), `export * from '${source.replace('./dist/', '../')}';\n`);
}

const licences = BUNDLED.map((name) => {
  const { version } = JSON.parse(readFileSync(join(root, 'node_modules', name, 'package.json'), 'utf8'));
  const text = readFileSync(join(root, 'node_modules', name, 'LICENSE'), 'utf8');
  return `${name} ${version}, a part of the files in this folder:\n\n${text.trim()}\n`;
});
writeFileSync(join(target, 'LICENSES.txt'), licences.join('\n'));
