import { readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

export const root = fileURLToPath(new URL('../../../', import.meta.url));
const lib = join(root, 'lib');

const { exports: subpaths, name: packageName } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  exports: Record<string, string | { default: { types: string } }>;
  name: string;
};

/** The source of each entry of the package by its specifier: `nestjs-asyncz/store` is `lib/stores/index.ts`. */
const ENTRIES = Object.entries(subpaths).flatMap(([subpath, target]) =>
  typeof target === 'string'
    ? []
    : [
        [
          packageName + subpath.slice(1),
          target.default.types.replace('./dist', lib).replace(/\.d\.ts$/, '.ts'),
        ] as const,
      ],
);

/** A name that an entry exports. */
export interface PublicName {
  readonly name: string;
  /** The specifiers of the entries that export it. */
  readonly entries: readonly string[];
  /** Whether it exists at run time: a class, a function or a constant. */
  readonly isValue: boolean;
  /** The first sentence of its doc comment; empty when there is none. */
  readonly summary: string;
  /** What else of the library its declaration names: parameters, fields, bases. */
  readonly uses: readonly ts.Symbol[];
  readonly symbol: ts.Symbol;
}

/** Only imports inside `lib/` are followed: declarations of Node and of packages take seconds to read and say nothing here. */
function createProgram(): ts.Program {
  const options: ts.CompilerOptions = {
    module: ts.ModuleKind.NodeNext,
    target: ts.ScriptTarget.ES2022,
    noLib: true,
    types: [],
    strict: true,
    experimentalDecorators: true,
  };
  const host = ts.createCompilerHost(options);
  host.resolveModuleNameLiterals = (literals, file) =>
    literals.map(({ text }) => ({
      resolvedModule: text.startsWith('.')
        ? { resolvedFileName: resolve(file, '..', text).replace(/\.js$/, '.ts'), extension: ts.Extension.Ts }
        : undefined,
    }));
  const files = ts.sys.readDirectory(lib, ['.ts']);
  return ts.createProgram(files, options, host);
}

export const program = createProgram();
export const checker = program.getTypeChecker();

const sources = program.getSourceFiles().filter(({ fileName }) => fileName.startsWith(lib));

/** The symbol itself where `symbol` is an import or a re-export of it. */
function original(symbol: ts.Symbol): ts.Symbol {
  return symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
}

function hasTag(node: ts.Node, tag: string): boolean {
  return ts.getJSDocTags(node).some(({ tagName }) => tagName.text === tag);
}

function isHidden(node: ts.Node): boolean {
  if (ts.isClassElement(node) && node.name && ts.isPrivateIdentifier(node.name)) return true;
  const isPrivate =
    ts.canHaveModifiers(node) && ts.getModifiers(node)?.some(({ kind }) => kind === ts.SyntaxKind.PrivateKeyword);
  return isPrivate === true || hasTag(node, 'internal');
}

/** Whether other files can name it. What only its own file can name is looked through, as the compiler does. */
function isExported(symbol: ts.Symbol): boolean {
  return (
    symbol.declarations?.some(
      (node) => ts.getCombinedModifierFlags(node as ts.Declaration) & ts.ModifierFlags.Export,
    ) === true
  );
}

function isOfLibrary(symbol: ts.Symbol): boolean {
  return symbol.declarations?.[0]?.getSourceFile().fileName.startsWith(lib) === true;
}

function isClassBase({ parent }: ts.ExpressionWithTypeArguments): boolean {
  return ts.isHeritageClause(parent) && ts.isClassDeclaration(parent.parent);
}

/** What a declaration file would say of the symbol: types of parameters, fields, results and bases, and no code. */
function usesOf(symbol: ts.Symbol): ts.Symbol[] {
  const found = new Set<ts.Symbol>();
  const seen = new Set([symbol]);
  const note = (name: ts.Node, isBase = false): void => {
    const named = checker.getSymbolAtLocation(name);
    if (!named) return;
    const used = original(named);
    if (used.flags & ts.SymbolFlags.TypeParameter || !isOfLibrary(used) || seen.has(used)) return;
    // What a base class that is not public declares is there under the name of the class.
    const isPart = isBase && !used.declarations!.some((node) => hasTag(node, 'publicApi'));
    if (isExported(used) && !isPart) found.add(used);
    else look(used);
  };
  const visit = (node: ts.Node): void => {
    if (isHidden(node)) return;
    if (ts.isTypeReferenceNode(node)) note(node.typeName);
    if (ts.isExpressionWithTypeArguments(node)) note(node.expression, isClassBase(node));
    if (ts.isTypeQueryNode(node)) note(node.exprName);
    ts.forEachChild(node, (child) => {
      const isCode = ts.isBlock(child) || ('initializer' in node && node.initializer === child);
      if (!isCode) visit(child);
    });
  };
  const look = (of: ts.Symbol): void => {
    seen.add(of);
    for (const declaration of of.declarations ?? []) visit(declaration);
  };
  look(symbol);
  return [...found];
}

function summaryOf(symbol: ts.Symbol): string {
  const comment = ts.displayPartsToString(symbol.getDocumentationComment(checker));
  const [first] = comment.split(/\n\s*\n/);
  const sentence = /^[\s\S]*?\.(?=\s|$)/.exec(first!)?.[0] ?? first!;
  return sentence.replace(/\s+/g, ' ').replace(/\{@link ([\w.]+) ?\}/g, '`$1`');
}

function readPublicNames(): PublicName[] {
  const entriesOf = new Map<ts.Symbol, string[]>();
  for (const [specifier, file] of ENTRIES) {
    const entry = checker.getSymbolAtLocation(program.getSourceFile(file)!)!;
    for (const symbol of checker.getExportsOfModule(entry)) {
      const entries = entriesOf.get(original(symbol)) ?? [];
      entriesOf.set(original(symbol), [...entries, specifier]);
    }
  }
  return [...entriesOf].map(([symbol, entries]) => ({
    name: symbol.name,
    entries,
    isValue: (symbol.flags & ts.SymbolFlags.Value) !== 0,
    summary: summaryOf(symbol),
    uses: usesOf(symbol),
    symbol,
  }));
}

/** Where a symbol is declared, for messages. */
export function placeOf(symbol: ts.Symbol): string {
  return `${symbol.name} (${relative(root, symbol.declarations![0]!.getSourceFile().fileName)})`;
}

/** Everything in `lib/` whose doc comment says `@publicApi`. */
export function taggedSymbols(): ts.Symbol[] {
  const tagged: ts.Symbol[] = [];
  const visit = (node: ts.Node): void => {
    const name = ts.isDeclarationStatement(node) || ts.isVariableDeclaration(node) ? node.name : undefined;
    const symbol = name && checker.getSymbolAtLocation(name);
    if (symbol && hasTag(node, 'publicApi')) tagged.push(symbol);
    if (ts.isVariableStatement(node)) node.declarationList.declarations.forEach(visit);
  };
  for (const source of sources) source.statements.forEach(visit);
  return tagged;
}

export const SPECIFIERS: readonly string[] = ENTRIES.map(([specifier]) => specifier);

/** Every name that an entry exports, once. */
export const publicNames: readonly PublicName[] = readPublicNames();
