import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { SCHEDULER_EVENT_NAMES } from '../../../lib/events/event.filter.js';
import * as inputErrors from '../../../lib/errors/input.errors.js';
import { checker, program, publicNames, root } from './public-api.js';
import type { PublicName } from './public-api.js';

interface Row {
  readonly cells: readonly string[];
  /** The text between the last heading and the table. */
  readonly before: string;
}

/** The rows of all tables of a page, heads and rules left out. */
function rowsOf(page: string): Row[] {
  const rows: Row[] = [];
  for (const section of readFileSync(join(root, 'docs', page), 'utf8').split(/^## /m)) {
    const lines = section.split('\n');
    const before = lines
      .slice(
        0,
        lines.findIndex((line) => line.startsWith('|')),
      )
      .join('\n');
    lines.forEach((line, at) => {
      if (!line.startsWith('|') || line.startsWith('| -') || lines[at + 1]?.startsWith('| -')) return;
      rows.push({ cells: line.split('|').slice(1, -1), before });
    });
  }
  return rows;
}

/** The words of a text that are set as code. What stands in brackets explains the one before. */
const codeIn = (text: string) => [...text.replace(/\([^)]*\)/g, '').matchAll(/`([^`]+)`/g)].map(([, code]) => code!);

function basesOf(symbol: ts.Symbol): ts.Symbol[] {
  const bases = (checker.getDeclaredTypeOfSymbol(symbol) as ts.InterfaceType).getBaseTypes?.() ?? [];
  return bases.flatMap((base) => [base.symbol, ...basesOf(base.symbol)]);
}

const isAbstract = ({ symbol }: PublicName) =>
  (ts.getCombinedModifierFlags(symbol.valueDeclaration!) & ts.ModifierFlags.Abstract) !== 0;

const errors = publicNames.filter(
  ({ symbol, isValue }) => isValue && basesOf(symbol).some(({ name }) => name === 'AsynczError'),
);

const LITERAL = /'(ASYNCZ_\w+)'/g;
const literalsIn = (text: string) => [...text.matchAll(LITERAL)].map(([, code]) => code!);

/** The code that a class declares as a literal; undefined where its constructor chooses one. */
function declaredCode({ symbol }: PublicName): string | undefined {
  const code = symbol.members!.get('code' as ts.__String)?.valueDeclaration;
  return code && ts.isPropertyDeclaration(code) && code.initializer
    ? literalsIn(code.initializer.getText())[0]
    : undefined;
}

/** Every code that an error of the class may have. */
function codesOf(error: PublicName): string[] {
  const declared = declaredCode(error);
  if (declared !== undefined) return [declared];
  if (error.name === 'UnknownNameError') {
    const kind = error.symbol.members!.get('kind' as ts.__String)!;
    const { types } = checker.getTypeOfSymbol(kind) as ts.UnionType;
    const kinds = types.map((type) => (type as ts.StringLiteralType).value) as ConstructorParameters<
      typeof inputErrors.UnknownNameError
    >[0][];
    return kinds.map((one) => new inputErrors.UnknownNameError(one, 'x', []).code);
  }
  const others = new Set(errors.map(declaredCode));
  const source = error.symbol.valueDeclaration!.getSourceFile().text;
  return [...new Set(literalsIn(source))].filter((code) => !others.has(code));
}

/** What is called so without being the code of anything that went wrong. */
const NO_CODES = new Set(['ASYNCZ_STORE_ENCRYPTION_KEY']);

describe('docs/errors.md', () => {
  const rows = rowsOf('errors.md');

  it('has every error class in a row of its own, with its codes', () => {
    expect(errors.length).toBeGreaterThan(30);
    const written = rows.filter(({ cells }) => cells.length === 4);
    const expected = errors.filter((error) => !isAbstract(error)).map((error) => [error.name, codesOf(error).sort()]);
    expect(
      Object.fromEntries(written.map(({ cells: [name, code] }) => [codeIn(name!)[0], codeIn(code!).sort()])),
    ).toEqual(Object.fromEntries(expected));
    expect(written).toHaveLength(expected.length);
  });

  it('says of each when it is thrown and what to do', () => {
    for (const { cells } of rows) for (const cell of cells) expect(cell.trim(), cells.join('|')).not.toBe('');
  });

  it('has every code that is recorded without being thrown', () => {
    const thrown = new Set(errors.flatMap(codesOf));
    const all = program
      .getSourceFiles()
      .filter(({ fileName }) => !/\/lib\/(testing|cli)\//.test(fileName))
      .flatMap(({ text }) => literalsIn(text));
    const recorded = new Set(all.filter((code) => !thrown.has(code) && !NO_CODES.has(code)));
    const written = rows.filter(({ cells }) => cells.length === 3).map(({ cells: [code] }) => codeIn(code!)[0]!);
    expect(written.sort()).toEqual([...recorded].sort());
  });
});

describe('docs/events.md', () => {
  const rows = rowsOf('events.md');

  it('has every event in one row', () => {
    expect(rows.map(({ cells: [name] }) => codeIn(name!)[0]!).sort()).toEqual([...SCHEDULER_EVENT_NAMES].sort());
  });

  it('says of each when it is emitted and which fields it carries', () => {
    const map = publicNames.find(({ name }) => name === 'SchedulerEventMap')!.symbol;
    const fields = Object.fromEntries(
      checker
        .getDeclaredTypeOfSymbol(map)
        .getProperties()
        .map((event) => [
          event.name,
          checker
            .getTypeOfSymbol(event)
            .getProperties()
            .map(({ name }) => name)
            .sort(),
        ]),
    );
    const written = Object.fromEntries(
      rows.map(({ cells: [name, when, payload], before }) => {
        expect(when!.trim(), name).not.toBe('');
        const common = /^All carry .*$/m.exec(before)?.[0] ?? '';
        return [codeIn(name!)[0], [...codeIn(common), ...codeIn(payload!)].sort()];
      }),
    );
    expect(written).toEqual(fields);
  });
});
