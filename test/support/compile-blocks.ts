import { dirname, join, resolve } from 'node:path';
import ts from 'typescript';
import { NEST_NEW_FILES, type CodeBlock } from './pages.js';

/** The options of the compiler that `nest new` sets, as in a `tsconfig.json`. */
export const NEST_COMPILER_OPTIONS = {
  module: 'nodenext',
  target: 'es2023',
  strict: true,
  strictPropertyInitialization: false,
  esModuleInterop: true,
  isolatedModules: true,
  emitDecoratorMetadata: true,
  experimentalDecorators: true,
  skipLibCheck: true,
  noEmit: true,
  types: ['node', 'vitest/globals'],
  paths: {
    'nestjs-redis-pubsub': [resolve('dist/index.d.ts')],
    'nestjs-redis-pubsub/testing': [resolve('dist/testing/index.d.ts')],
    'nestjs-redis-pubsub/inspector': [resolve('dist/inspector/index.d.ts')],
    'nestjs-redis-pubsub/asyncapi': [resolve('dist/asyncapi/index.d.ts')],
    'nestjs-redis-pubsub/cache': [resolve('dist/cache/index.d.ts')],
    'nestjs-redis-pubsub/graphql': [resolve('dist/graphql/index.d.ts')],
    'nestjs-redis-pubsub/msgpack': [resolve('dist/msgpack/index.d.ts')],
    'nestjs-redis-pubsub/resumable': [resolve('dist/resumable/index.d.ts')],
    'nestjs-redis-pubsub/prometheus': [resolve('dist/prometheus/index.d.ts')],
    'nestjs-redis-pubsub/socket.io': [resolve('dist/socket.io/index.d.ts')],
  },
};

const { options: OPTIONS } = ts.convertCompilerOptionsFromJson(NEST_COMPILER_OPTIONS, '.');

/** The packages whose exports a fragment may use without an import; the first one with a name has it. */
const PACKAGES = [
  'nestjs-redis-pubsub',
  'nestjs-redis-pubsub/testing',
  'nestjs-redis-pubsub/inspector',
  'nestjs-redis-pubsub/resumable',
  '@nestjs/common',
  '@nestjs/core',
  '@nestjs/microservices',
  'rxjs',
  'ioredis',
  'class-validator',
];

/** No file is there: the compiler reads its text from memory. The path has its packages. */
const ROOT = resolve('test-results/docs-code');

interface Export {
  readonly module: string;
  readonly isType: boolean;
}

/** What each package exports, by its name. */
function exportsOf(program: ts.Program, file: string): Map<string, Export> {
  const checker = program.getTypeChecker();
  const exported = new Map<string, Export>();
  program.getSourceFile(file)?.forEachChild((node) => {
    if (!ts.isImportDeclaration(node) || !ts.isStringLiteral(node.moduleSpecifier)) return;
    const symbol = checker.getSymbolAtLocation(node.moduleSpecifier);
    for (const it of symbol === undefined ? [] : checker.getExportsOfModule(symbol)) {
      const isAlias = (it.flags & ts.SymbolFlags.Alias) !== 0;
      const { flags } = isAlias ? checker.getAliasedSymbol(it) : it;
      const isType = (flags & ts.SymbolFlags.Value) === 0;
      if (!exported.has(it.name))
        exported.set(it.name, { module: node.moduleSpecifier.text, isType });
    }
  });
  return exported;
}

const parse = (code: string): ts.SourceFile =>
  ts.createSourceFile('block.ts', code, ts.ScriptTarget.ES2023, true);

/** The names that the statements of a text declare or import. */
function declaredBy(node: ts.Node): string[] {
  if (ts.isSourceFile(node)) return node.statements.flatMap(declaredBy);
  if (ts.isVariableStatement(node)) {
    return node.declarationList.declarations.flatMap(({ name }) => bindings(name));
  }
  if (ts.isImportDeclaration(node)) {
    const { namedBindings, name } = node.importClause ?? {};
    const named = namedBindings && ts.isNamedImports(namedBindings) ? namedBindings.elements : [];
    return [name?.text ?? '', ...named.map((it) => it.name.text)];
  }
  const { name } = node as ts.DeclarationStatement;
  return name === undefined ? [] : [name.text];
}

function bindings(name: ts.BindingName): string[] {
  if (ts.isIdentifier(name)) return [name.text];
  return name.elements.flatMap((it) => (ts.isOmittedExpression(it) ? [] : bindings(it.name)));
}

function identifiersIn(node: ts.Node, found = new Set<string>()): Set<string> {
  if (ts.isIdentifier(node)) found.add(node.text);
  node.forEachChild((child) => void identifiersIn(child, found));
  return found;
}

/** A fragment that begins with a member of a class becomes one. */
function asModule(code: string): string {
  const isMember = /^(?:\s*\/\/.*\n)*\s*(?:@|constructor\()/.test(code) && !/\bclass\b/.test(code);
  return isMember ? `class Example { ${code}\n}` : code;
}

/** A module with the code of a fragment from its second line on, after what it leaves out. */
function completed(block: CodeBlock, exported: Map<string, Export>): string {
  const code = asModule(block.code);
  const declared = new Set(declaredBy(parse(code)));
  const givens = parse(block.given).statements.filter(
    (it) => !declaredBy(it).some((name) => declared.has(name)),
  );
  const given = givens.map((it) => it.getText().replaceAll('\n', ' ')).join(' ');
  for (const name of givens.flatMap(declaredBy)) declared.add(name);
  const imports = [...identifiersIn(parse(`${given}\n${code}`))].flatMap((name) => {
    const it = exported.get(name);
    if (it === undefined || declared.has(name)) return [];
    return `import ${it.isType ? 'type ' : ''}{ ${name} } from '${it.module}';`;
  });
  return `${imports.join(' ')} ${given}\n${code}\nexport {};\n`;
}

interface CompiledFile {
  readonly block: CodeBlock;
  readonly text: string;
  /** How many lines stand before the code. */
  readonly before: number;
}

function programOf(texts: Map<string, string>, oldProgram?: ts.Program): ts.Program {
  const disk = ts.createCompilerHost(OPTIONS);
  const folders = new Set([...texts.keys()].flatMap((path) => parentsOf(path)));
  const host: ts.CompilerHost = {
    ...disk,
    fileExists: (path) => texts.has(path) || disk.fileExists(path),
    readFile: (path) => texts.get(path) ?? disk.readFile(path),
    directoryExists: (path) => folders.has(path) || (disk.directoryExists?.(path) ?? false),
    getSourceFile: (path, version) => {
      const text = texts.get(path);
      if (text !== undefined) return ts.createSourceFile(path, text, version);
      return oldProgram?.getSourceFile(path) ?? disk.getSourceFile(path, version);
    },
  };
  return ts.createProgram([...texts.keys()], OPTIONS, host);
}

function parentsOf(path: string): string[] {
  const parent = dirname(path);
  return parent.length < ROOT.length ? [] : [parent, ...parentsOf(parent)];
}

interface PackagesProgram {
  readonly program: ts.Program;
  readonly exported: Map<string, Export>;
}

let compiled: PackagesProgram | undefined;

/** The packages take seconds to read, so all calls share them. */
function packagesProgram(): PackagesProgram {
  if (compiled) return compiled;
  const file = join(ROOT, 'packages.ts');
  const text = PACKAGES.map((name) => `import '${name}';`).join('\n');
  const program = programOf(new Map([[file, text]]));
  compiled = { program, exported: exportsOf(program, file) };
  return compiled;
}

/**
 * Compiles blocks as in an application of `nest new`. The files of one page import each other; each other block is a
 * module of its own.
 *
 * @returns what the compiler reports, as `page:line: message`
 */
export function compileBlocks(blocks: CodeBlock[]): string[] {
  const { program: base, exported } = packagesProgram();
  const files = new Map<string, CompiledFile>();
  for (const [index, block] of blocks.entries()) {
    const isFile = block.file !== undefined;
    const path = join(ROOT, block.page, block.file ?? `block-${index}.ts`);
    const text = isFile ? `${block.code}\n` : completed(block, exported);
    files.set(path, { block, text, before: isFile ? 0 : 1 });
  }
  const generated = blocks.flatMap(({ page }) =>
    Object.entries(NEST_NEW_FILES).map(([file, text]) => [join(ROOT, page, file), text] as const),
  );
  const written = [...files].map(([path, { text }]) => [path, text] as const);
  const texts = new Map([...generated, ...written]);
  const program = programOf(texts, base);
  return ts.getPreEmitDiagnostics(program).map((it) => {
    const found = files.get(it.file?.fileName ?? '');
    const message = ts.flattenDiagnosticMessageText(it.messageText, ' ');
    if (it.file === undefined || found === undefined) return message;
    const { line } = it.file.getLineAndCharacterOfPosition(it.start ?? 0);
    return `${found.block.page}:${found.block.line + line - found.before}: ${message}`;
  });
}
