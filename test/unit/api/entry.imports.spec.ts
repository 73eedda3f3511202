import { join, relative } from 'node:path';
import { rolldown } from 'rolldown';
import { describe, expect, it } from 'vitest';
import { root } from './public-api.js';

const lib = join(root, 'lib');

/** Node's own, and what the bundler of this test brings along for decorators. */
const IGNORED = /^(node:|@oxc-project\/)/;

/** What an import of a module loads at once, of this library and of packages, without what is only a type. */
async function loadedBy(entry: string): Promise<{ files: string[]; packages: string[] }> {
  const packages = new Set<string>();
  const bundle = await rolldown({
    input: join(lib, entry),
    platform: 'node',
    external: (id) => /^[^./]/.test(id),
    resolve: { extensionAlias: { '.js': ['.ts'] } },
  });
  const { output } = await bundle.generate({ format: 'esm' });
  await bundle.close();
  const chunks = new Map(output.flatMap((one) => (one.type === 'chunk' ? [[one.fileName, one] as const] : [])));
  const entries = [...chunks.values()].filter(({ isEntry }) => isEntry).map(({ fileName }) => fileName);
  const reached = new Set(entries);
  // What is imported by a call is loaded later, or never.
  for (const fileName of reached) {
    for (const name of chunks.get(fileName)!.imports) {
      if (chunks.has(name)) reached.add(name);
      else packages.add(name.replace(/^(@nestjs\/\w+)\/.*/, '$1'));
    }
  }
  const files = [...reached].flatMap((fileName) => chunks.get(fileName)!.moduleIds.map((id) => relative(lib, id)));
  return { files, packages: [...packages].filter((name) => !IGNORED.test(name)).sort() };
}

describe('an import of', () => {
  it('the main entry loads no driver, no store of a database and no tests', async () => {
    const { files, packages } = await loadedBy('index.ts');
    expect(
      files.filter((name) => /^(testing|schemas\/class-validator|stores\/(typeorm|redis|mongoose))\//.test(name)),
    ).toEqual([]);
    expect(packages).toEqual([
      '@nestjs/common',
      '@nestjs/core',
      'cronstrue',
      'devalue',
      'rrule-temporal',
      'rrule-temporal/totext',
      'rxjs',
    ]);
  });

  it.each(['stores/index.ts', 'triggers/index.ts', 'testing/index.ts'])('%s loads nothing of NestJS', async (entry) => {
    const { files, packages } = await loadedBy(entry);
    expect(packages.filter((name) => name.startsWith('@nestjs/'))).toEqual([]);
    expect(files.filter((name) => name.startsWith('nest/'))).toEqual([]);
  });
});
