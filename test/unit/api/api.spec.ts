import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { placeOf, publicNames, root, SPECIFIERS, taggedSymbols } from './public-api.js';
import type { PublicName } from './public-api.js';

/** Written by this test (`npm run api`), so a name that stands there and nowhere else is not explained. */
const GENERATED = 'api.md';

const pages = [
  readFileSync(join(root, 'README.md'), 'utf8'),
  ...readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md') && name !== GENERATED)
    .map((name) => readFileSync(join(root, 'docs', name), 'utf8')),
];

/** The words of the pages that are set as code: `until` in a sentence is no mention of the function. */
const mentioned = new Set(
  pages.flatMap((page) => page.match(/^```[\s\S]*?^```|`[^`\n]+`/gm) ?? []).flatMap((code) => code.match(/\w+/g) ?? []),
);

const bySymbol = new Map<ts.Symbol, PublicName>(publicNames.map((one) => [one.symbol, one]));

/** The names that stand on a page, and what their declarations lead to. */
function explainedNames(): Set<PublicName> {
  const explained = new Set(publicNames.filter(({ name }) => mentioned.has(name)));
  for (const { uses } of explained) {
    for (const used of uses) if (bySymbol.has(used)) explained.add(bySymbol.get(used)!);
  }
  return explained;
}

const listOf = (names: readonly PublicName[]) => names.map(({ name, entries }) => `${name} of ${entries.join(', ')}`);

/** A line a name, with the first sentence of its doc comment. */
function apiPage(): string {
  const byName = publicNames.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const listed = (entry: string, isValue: boolean) =>
    byName
      .filter((one) => one.isValue === isValue && one.entries.includes(entry))
      .map(({ name, summary }) => `- \`${name}\`: ${summary}`)
      .join('\n');
  const section = (title: string, list: string) => (list === '' ? '' : `### ${title}\n\n${list}\n\n`);
  const sections = SPECIFIERS.map(
    (entry) =>
      `## ${entry}\n\n${section('Classes, functions, constants', listed(entry, true))}${section('Types', listed(entry, false))}`,
  );
  return `# Public names

Every name that an entry of the package exports, with the first sentence of its doc comment. Applications use \`nestjs-asyncz\`;
\`nestjs-asyncz/store\` and \`nestjs-asyncz/triggers\` have what only authors of stores and of triggers use besides, such as
base classes and records. All errors are in \`nestjs-asyncz\`. Written by \`npm run api\`.

${sections.join('')}`
    .trimEnd()
    .concat('\n');
}

describe('the public names', () => {
  it('are those whose doc comment says @publicApi', () => {
    const tagged = new Set(taggedSymbols());
    expect(tagged.size).toBeGreaterThan(100);
    expect({
      notExported: [...tagged].filter((symbol) => !bySymbol.has(symbol)).map(placeOf),
      notTagged: publicNames.filter(({ symbol }) => !tagged.has(symbol)).map(({ symbol }) => placeOf(symbol)),
    }).toEqual({ notExported: [], notTagged: [] });
  });

  it('are each exported by one entry alone', () => {
    expect(listOf(publicNames.filter(({ entries }) => entries.length > 1))).toEqual([]);
    expect(new Set(publicNames.map(({ name }) => name)).size).toBe(publicNames.length);
  });

  it('include the types of their fields, parameters, results and bases', () => {
    const missing = publicNames.flatMap(({ name, uses }) =>
      uses.filter((used) => !bySymbol.has(used)).map((used) => `${name} uses ${placeOf(used)}`),
    );
    expect(missing).toEqual([]);
  });

  it('stand on a page of the documentation, as code, where they exist at run time', () => {
    expect(listOf(publicNames.filter(({ name, isValue }) => isValue && !mentioned.has(name)))).toEqual([]);
  });

  it('stand on a page or belong to one that does, where they are types', () => {
    const explained = explainedNames();
    expect(listOf(publicNames.filter((one) => !one.isValue && !explained.has(one)))).toEqual([]);
  });

  it('have a doc comment that begins with a sentence', () => {
    expect(listOf(publicNames.filter(({ summary }) => !summary.endsWith('.')))).toEqual([]);
  });

  it('are listed on a page that is up to date; `npm run api` writes it', async () => {
    await expect(apiPage()).toMatchFileSnapshot(join(root, 'docs', GENERATED));
  });
});
