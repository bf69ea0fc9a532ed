import ts from 'typescript';

/** One option, as its docstring describes it. */
export interface OptionDoc {
  readonly name: string;
  /** The members of its type, as they stand in the source. */
  readonly types: readonly string[];
  /** The first sentence of its docstring. */
  readonly summary: string;
  /** The paragraphs of its docstring, the first one without the summary. */
  readonly paragraphs: readonly string[];
  /** The text of its `@defaultValue`. */
  readonly defaultValue: string;
  /** The fields of an option that is an object. */
  readonly fields: readonly OptionDoc[];
}

/** The public types of the package, with the docstrings of their members. */
export class PublicTypes {
  readonly #checker: ts.TypeChecker;
  readonly #exports: ReadonlyMap<string, ts.Symbol>;

  constructor(entry = 'src/index.ts') {
    const program = ts.createProgram([entry], {
      module: ts.ModuleKind.NodeNext,
      moduleResolution: ts.ModuleResolutionKind.NodeNext,
      target: ts.ScriptTarget.ES2022,
      strict: true,
      experimentalDecorators: true,
      noEmit: true,
    });
    this.#checker = program.getTypeChecker();
    const source = program.getSourceFile(entry);
    const module = source && this.#checker.getSymbolAtLocation(source);
    if (!module) throw new Error(`Expected ${entry} to be a module`);
    const symbols = this.#checker.getExportsOfModule(module);
    this.#exports = new Map(symbols.map((symbol) => [symbol.name, this.#target(symbol)]));
  }

  /** The members of an exported interface, inherited ones included. */
  membersOf(name: string): OptionDoc[] {
    return this.#read(this.#checker.getDeclaredTypeOfSymbol(this.#export(name)));
  }

  /** The members of the first parameter of a static method. */
  parameterOf(className: string, method: string): OptionDoc[] {
    const type = this.#checker.getTypeOfSymbol(this.#export(className));
    const property = type.getProperty(method);
    const [signature] = property ? this.#checker.getTypeOfSymbol(property).getCallSignatures() : [];
    const parameter = signature?.getParameters()[0];
    if (!parameter) throw new Error(`Expected ${className}.${method} to have a parameter`);
    return this.#read(this.#checker.getTypeOfSymbol(parameter));
  }

  /** The folder of an exported type in the API reference; `undefined` for what is not exported. */
  folderOf(name: string): string | undefined {
    const flags = this.#exports.get(name)?.flags;
    if (flags === undefined) return undefined;
    return flags & ts.SymbolFlags.Interface ? 'interfaces' : 'type-aliases';
  }

  #target(symbol: ts.Symbol): ts.Symbol {
    return symbol.flags & ts.SymbolFlags.Alias ? this.#checker.getAliasedSymbol(symbol) : symbol;
  }

  #export(name: string): ts.Symbol {
    const found = this.#exports.get(name);
    if (!found) throw new Error(`Expected an export ${name}`);
    return found;
  }

  #read(type: ts.Type): OptionDoc[] {
    return this.#checker.getPropertiesOfType(type).map((property) => this.#readMember(property));
  }

  #readMember(symbol: ts.Symbol): OptionDoc {
    const declaration = symbol.declarations?.find((it) => ts.isPropertySignature(it));
    if (!declaration?.type) throw new Error(`Expected ${symbol.name} to have a type`);
    const text = ts.displayPartsToString(symbol.getDocumentationComment(this.#checker));
    const { summary, paragraphs } = partsOf(text);
    const tag = symbol.getJsDocTags(this.#checker).find((it) => it.name === 'defaultValue');
    return {
      name: symbol.name,
      types: membersOfUnion(declaration.type).map(textOfType),
      summary,
      paragraphs,
      defaultValue: ts.displayPartsToString(tag?.text),
      fields: this.#fieldsOf(declaration.type),
    };
  }

  #fieldsOf(node: ts.TypeNode): OptionDoc[] {
    const literal = membersOfUnion(node).find((it) => ts.isTypeLiteralNode(it));
    return literal ? this.#read(this.#checker.getTypeFromTypeNode(literal)) : [];
  }
}

function membersOfUnion(node: ts.TypeNode): readonly ts.TypeNode[] {
  return ts.isUnionTypeNode(node) ? node.types : [node];
}

/** An object is its fields, without their docstrings. */
function textOfType(node: ts.TypeNode): string {
  if (!ts.isTypeLiteralNode(node)) return node.getText();
  const names = node.members.map((member) => member.name?.getText());
  return `{ ${names.join(', ')} }`;
}

function partsOf(text: string): Pick<OptionDoc, 'summary' | 'paragraphs'> {
  const [first = '', ...others] = text.split(/\n\s*\n/).map((it) => it.replaceAll(/\s+/g, ' '));
  const summary = /^.*?[.](?= |$)/.exec(first)?.[0] ?? first;
  const rest = first.slice(summary.length).trim();
  return { summary, paragraphs: rest === '' ? others : [rest, ...others] };
}
