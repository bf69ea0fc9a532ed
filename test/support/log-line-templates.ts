import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

/** The text of a log line in the sources, with `<>` in the place of each value. */
export interface LogLineTemplate {
  readonly level: string;
  readonly text: string;
  readonly file: string;
}

const LEVELS = new Set(['log', 'warn', 'error']);

interface Source {
  readonly path: string;
  readonly file: ts.SourceFile;
}

/** The templates of all log lines below a folder, and the places whose text the sources do not show. */
export function logLineTemplates(folder: string): {
  readonly lines: LogLineTemplate[];
  readonly unreadable: string[];
} {
  const sources = readSources(folder);
  const levels = new Map(sources.flatMap(({ file }) => levelsOfLimitedLogs(file)));
  const lines: LogLineTemplate[] = [];
  const unreadable: string[] = [];
  for (const { path, file } of sources) {
    for (const { level, expression } of loggedIn(file, levels)) {
      const texts = textsOf(expression, file);
      if (texts.length === 0) unreadable.push(`${path}: ${expression.getText(file)}`);
      lines.push(...texts.map((text) => ({ level, text, file: path })));
    }
  }
  return { lines, unreadable };
}

function readSources(folder: string): Source[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .map((path) => {
      const text = readFileSync(join(folder, path), 'utf8');
      return { path, file: ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true) };
    });
}

function nodesOf(file: ts.Node): ts.Node[] {
  const nodes: ts.Node[] = [];
  const visit = (node: ts.Node): void => {
    nodes.push(node);
    ts.forEachChild(node, visit);
  };
  visit(file);
  return nodes;
}

/** The level of a call such as `this.#logger.warn(…)`. */
function levelOfCall(node: ts.Node): string | undefined {
  if (!ts.isCallExpression(node) || !ts.isPropertyAccessExpression(node.expression))
    return undefined;
  const { name, expression } = node.expression;
  const isLogger = /(?:^|[.#])log(?:ger)?$/.test(expression.getText());
  return isLogger && LEVELS.has(name.text) ? name.text : undefined;
}

const isLimitedLog = (node: ts.Node): node is ts.NewExpression =>
  ts.isNewExpression(node) && node.expression.getText() === 'RateLimitedLog';

/** The level that a rate-limited log writes with. */
function levelOfLimitedLog(node: ts.NewExpression): string {
  const [level] = nodesOf(node).flatMap((it) => levelOfCall(it) ?? []);
  return level ?? 'unknown';
}

/** The name of each rate-limited log in a file, with its level. */
function levelsOfLimitedLogs(file: ts.SourceFile): [name: string, level: string][] {
  return nodesOf(file).flatMap((node) => {
    if (!isLimitedLog(node)) return [];
    const { parent } = node;
    const name =
      ts.isPropertyDeclaration(parent) || ts.isPropertyAssignment(parent)
        ? parent.name.getText()
        : ts.isBinaryExpression(parent)
          ? parent.left.getText()
          : '';
    return [[lastName(name), levelOfLimitedLog(node)]];
  });
}

function lastName(text: string): string {
  return /\w+$/.exec(text)?.[0] ?? text;
}

/** The expressions that a file logs. A writer of a rate-limited log passes a `line` on. */
function loggedIn(
  file: ts.SourceFile,
  levels: ReadonlyMap<string, string>,
): { level: string; expression: ts.Expression }[] {
  return nodesOf(file).flatMap((node) => {
    if (isLimitedLog(node)) {
      const summary = node.arguments?.[1];
      return summary ? [{ level: levelOfLimitedLog(node), expression: summary }] : [];
    }
    if (!ts.isCallExpression(node)) return [];
    const [argument] = node.arguments;
    if (!argument) return [];
    const level = levelOfCall(node) ?? levelOfAdd(node, levels);
    return level === undefined || argument.getText() === 'line'
      ? []
      : [{ level, expression: argument }];
  });
}

/** The level of a call such as `this.#failures.add(() => …)`. */
function levelOfAdd(
  { expression, arguments: [argument] }: ts.CallExpression,
  levels: ReadonlyMap<string, string>,
): string | undefined {
  if (!ts.isPropertyAccessExpression(expression) || expression.name.text !== 'add')
    return undefined;
  if (!argument || !ts.isArrowFunction(argument)) return undefined;
  return levels.get(lastName(expression.expression.getText()));
}

/** The texts that an expression may have; none if that cannot be read. */
function textsOf(node: ts.Node, file: ts.SourceFile): string[] {
  if (ts.isStringLiteralLike(node)) return [node.text];
  if (ts.isTemplateExpression(node)) {
    return [node.head.text + node.templateSpans.map(({ literal }) => `<>${literal.text}`).join('')];
  }
  if (ts.isParenthesizedExpression(node)) return textsOf(node.expression, file);
  if (ts.isConditionalExpression(node)) {
    return [...textsOf(node.whenTrue, file), ...textsOf(node.whenFalse, file)];
  }
  if (ts.isArrowFunction(node) || ts.isFunctionDeclaration(node))
    return textsOfFunction(node, file);
  if (ts.isCallExpression(node) && ts.isIdentifier(node.expression)) {
    const name = node.expression.text;
    const called = nodesOf(file).find(
      (it): it is ts.FunctionDeclaration => ts.isFunctionDeclaration(it) && it.name?.text === name,
    );
    return called ? textsOf(called, file) : [];
  }
  return [];
}

function textsOfFunction(node: ts.FunctionLikeDeclaration, file: ts.SourceFile): string[] {
  const { body } = node;
  if (!body) return [];
  if (!ts.isBlock(body)) return textsOf(body, file);
  return nodesOf(body).flatMap((it) =>
    ts.isReturnStatement(it) && it.expression ? textsOf(it.expression, file) : [],
  );
}
