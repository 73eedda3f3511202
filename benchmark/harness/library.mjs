import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** The file of a public entry of a package, such as `.` or `./redis`, as its `exports` say. */
export function entryOf(folder, entry = '.') {
  const { exports } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  return join(folder, exports[entry].default.default);
}

/** Imports a public entry of the build in a folder. */
export function importEntry(folder, entry) {
  return import(pathToFileURL(entryOf(folder, entry)).href);
}
