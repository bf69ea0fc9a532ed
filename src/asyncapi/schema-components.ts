import { jsonSchemaOf, type JsonSchema, type Schema } from '../contracts/schema.js';

/** Describes a schema in JSON Schema; returns nothing for one that it does not know. */
export type ToJsonSchema = (schema: Schema) => JsonSchema | undefined;

/** The draft that the schemas of AsyncAPI extend. */
const TARGET = 'draft-07';
const START = '#/components/schemas/';
/** Where a JSON Schema has its named parts. */
const DEFINITIONS = ['definitions', '$defs'] as const;

/**
 * The schemas of a document. A reference in a JSON Schema begins at its root, which is not that of the document: so each
 * schema, and each of its named parts, is a component.
 */
export class SchemaComponents {
  readonly all: Record<string, JsonSchema>;
  readonly #toJsonSchema: ToJsonSchema | undefined;
  readonly #known = new Map<Schema, JsonSchema>();

  /** `given` are schemas that others may refer to. */
  constructor(given: Readonly<Record<string, JsonSchema>>, toJsonSchema: ToJsonSchema | undefined) {
    this.all = { ...given };
    this.#toJsonSchema = toJsonSchema;
  }

  /** A reference to a schema, which becomes a component; any value, if nothing describes it. */
  refTo(schema: Schema | undefined, name: string): JsonSchema {
    if (!schema) return {};
    const known = this.#known.get(schema);
    if (known) return known;
    const described = this.#toJsonSchema?.(schema) ?? jsonSchemaOf(schema, TARGET);
    const ref = described ? this.#add(described, this.#freeName(name)) : {};
    this.#known.set(schema, ref);
    return ref;
  }

  #add(described: JsonSchema, name: string): JsonSchema {
    const { $schema: _, ...root } = described as Record<string, unknown>;
    const parts = DEFINITIONS.flatMap((key) =>
      Object.entries(Object(root[key]) as Record<string, unknown>),
    );
    const names = new Map<string, string>();
    for (const [part] of parts) {
      if (names.has(part)) continue;
      // A channel may have this name, too, and so its schema.
      const free = this.#freeName(partName(name, part));
      this.all[free] = {};
      names.set(part, free);
    }
    for (const [part, schema] of parts) {
      this.all[names.get(part) as string] = withRefs(schema, name, names) as JsonSchema;
    }
    for (const key of DEFINITIONS) delete root[key];
    this.all[name] = withRefs(root, name, names) as JsonSchema;
    return { $ref: START + name };
  }

  #freeName(name: string): string {
    let free = name;
    for (let i = 2; Object.hasOwn(this.all, free); i++) free = `${name}_${i}`;
    return free;
  }
}

/** The names of the parts of a schema in the document. */
type PartNames = ReadonlyMap<string, string>;

/** A copy whose references are those of the document. */
function withRefs(value: unknown, name: string, parts: PartNames): unknown {
  if (Array.isArray(value)) return value.map((it) => withRefs(it, name, parts));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, field]) => [
      key,
      key === '$ref' && typeof field === 'string'
        ? refIn(field, name, parts)
        : withRefs(field, name, parts),
    ]),
  );
}

function refIn(ref: string, name: string, parts: PartNames): string {
  if (ref === '#') return START + name;
  const part = /^#\/(?:definitions|\$defs)\/([^/]+)$/.exec(ref)?.[1];
  const known = part === undefined ? undefined : parts.get(part);
  return known === undefined ? ref : START + known;
}

function partName(name: string, part: string): string {
  return `${name}.${part.replaceAll(/[^\w.-]/g, '_')}`;
}
