import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/**
 * Where the file that a worker begins with may be, seen from this one: it stands beside the entries of the package, and this one
 * is a part of any file there, of the ES modules or of the CommonJS build. Workers are plain Node.js, so they always get the
 * ES modules (ADR 74).
 */
const PLACES = ['./worker.js', '../worker.js', '../esm/worker.js', '../../esm/worker.js'];

/** The file that a worker begins with. */
export function workerFile(): string {
  for (const place of PLACES) {
    const file = fileURLToPath(new URL(place, import.meta.url));
    if (existsSync(file)) return file;
  }
  throw new Error(
    'The file "worker.js" of nestjs-asyncz is not where this code is. A bundler has put the package into another file: ' +
      'leave nestjs-asyncz out of the bundle (external).',
  );
}
