import { fileURLToPath } from 'node:url';
import { resolve } from 'node:path';
import { listOf } from '../../errors/asyncz.error.js';
import type { StoreByType } from '../../nest/module.options.js';
import { UsageError } from '../cli.errors.js';

/** The type of a store, and the option that takes the URL, by scheme. */
const SCHEMES: Readonly<Record<string, { readonly type: string; readonly option: string }>> = {
  postgres: { type: 'typeorm', option: 'url' },
  postgresql: { type: 'typeorm', option: 'url' },
  mysql: { type: 'typeorm', option: 'url' },
  mariadb: { type: 'typeorm', option: 'url' },
  redis: { type: 'redis', option: 'url' },
  rediss: { type: 'redis', option: 'url' },
  mongodb: { type: 'mongodb', option: 'url' },
  'mongodb+srv': { type: 'mongodb', option: 'url' },
};

const FORMS = [
  'memory:',
  'file:./folder',
  'sqlite:./file.db',
  'postgres://…',
  'mysql://…',
  'mariadb://…',
  'redis://…',
  'rediss://…',
  'mongodb://…',
];

/**
 * Reads `--store` options: `alias=URL`, or a URL alone, which is the store `default`. Behind a `#` stand options of the store, as
 * in a query: `postgres://db/app#tableName=jobs&schema=ops`; a server is never sent that part.
 *
 * @throws UsageError Without the password.
 */
export function parseStores(given: readonly string[], cwd: string): Readonly<Record<string, StoreByType>> {
  const stores: Record<string, StoreByType> = {};
  for (const one of given) {
    const [, alias = 'default', url] = /^(?:([\w.-]+)=)?([^]*)$/.exec(one)!;
    if (Object.hasOwn(stores, alias)) {
      throw new UsageError(`--store gives two stores the alias "${alias}": write --store other=URL for one of them`);
    }
    stores[alias] = parseStore(url!, cwd);
  }
  return stores;
}

/** The configuration of a store from its URL. @throws UsageError Without the password. */
export function parseStore(given: string, cwd: string): StoreByType {
  const [url, fragment] = cutAt(given, '#');
  const scheme = /^([a-z][a-z0-9+]*):/i.exec(url)?.[1]?.toLowerCase();
  const rest = scheme === undefined ? '' : url.slice(scheme.length + 1);
  const options = optionsOf(fragment);
  if (scheme === 'memory') return { type: 'memory', ...options };
  if (scheme === 'file') return { type: 'file', directory: pathOf(rest, url, cwd), ...options };
  if (scheme === 'sqlite') {
    const file = rest === ':memory:' ? rest : pathOf(rest, url.replace(/^sqlite/i, 'file'), cwd);
    return { type: 'typeorm', url: `sqlite:${file}`, ...options };
  }
  if (scheme === undefined || !Object.hasOwn(SCHEMES, scheme) || !rest.startsWith('//') || rest.length < 3) {
    // Whatever stands before an "@" may be a password.
    const shown = JSON.stringify(url.replace(/^([a-z0-9+]*:?).*@/is, '$1***@'));
    throw new UsageError(`--store ${shown} is not the URL of a store: write ${listOf(FORMS)}`);
  }
  const { type, option } = SCHEMES[scheme]!;
  return { type, [option]: url, ...options };
}

function pathOf(rest: string, url: string, cwd: string): string {
  if (rest === '' || rest === '//') throw new UsageError(`--store "${url}" names no place: write ./folder behind it`);
  // file:///absolute is a URL, file:./relative and file://./relative are what people write.
  if (rest.startsWith('///')) return fileURLToPath(url.replace(/^[a-z]+:/i, 'file:'));
  return resolve(cwd, rest.replace(/^\/\//, ''));
}

function optionsOf(fragment: string | undefined): Readonly<Record<string, unknown>> {
  const named = [...new URLSearchParams(fragment ?? '')].map(([name, value]) => [name, valueOf(value)] as const);
  return Object.fromEntries(named);
}

function valueOf(text: string): unknown {
  return text === 'true' || text === 'false' ? text === 'true' : text;
}

function cutAt(text: string, mark: string): readonly [string, string | undefined] {
  const at = text.indexOf(mark);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}
