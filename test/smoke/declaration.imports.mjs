import { existsSync, readFileSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';

/** A comment may quote code of a user. */
const COMMENT = /\/\*[\s\S]*?\*\//g;

const IMPORT = /(?:\bfrom\s*|\bimport\s*\(?\s*)['"]([^'"]+)['"]/g;

/**
 * The packages whose types a declaration file needs, with those of the files that it imports.
 *
 * @param {string} entry The path of a `.d.ts` file.
 * @returns {{ name: string, file: string }[]} Each package with a file that names it.
 */
export function bareImports(entry) {
  const found = [];
  const seen = new Set();
  const queue = [entry];
  for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
    if (seen.has(file)) continue;
    seen.add(file);
    const code = readFileSync(file, 'utf8').replace(COMMENT, '');
    for (const [, specifier] of code.matchAll(IMPORT)) {
      if (!specifier.startsWith('.')) {
        found.push({ name: packageOf(specifier), file: relative(dirname(entry), file) });
        continue;
      }
      const target = resolve(dirname(file), specifier.replace(/\.js$/, '.d.ts'));
      if (!existsSync(target)) throw new Error(`${file} imports ${specifier}, which is not in the package`);
      queue.push(target);
    }
  }
  return found;
}

function packageOf(specifier) {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}
