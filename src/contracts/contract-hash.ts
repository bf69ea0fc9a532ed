import { createHash } from 'node:crypto';
import type { Contract } from './contract.js';
import { jsonSchemaOf, type Schema } from './schema.js';

/** The draft of JSON Schema that hashes are made of. */
const TARGET = 'draft-2020-12';
const LENGTH = 16;

/**
 * Returns a short text that is the same for the same contracts, in any order. It is made of the names, and of the JSON
 * Schema of each schema whose library can tell it. A schema that cannot be described counts by its name alone. Two
 * services with different texts have different contracts, or different versions of a schema library.
 */
export function contractHash(...contracts: readonly Contract[]): string {
  const lines = contracts.flatMap(linesOf).toSorted();
  return createHash('sha256').update(lines.join('\n')).digest('hex').slice(0, LENGTH);
}

function linesOf(contract: Contract): string[] {
  if (contract.kind === 'events') {
    return contract.entries.all.map(({ name, schemas }) => lineOf('event', name, [schemas]));
  }
  return contract.entries.all.map(({ name, schemas: { request, response } }) =>
    lineOf('request', name, [request, response]),
  );
}

function lineOf(kind: string, name: string, schemas: readonly Schema[]): string {
  const described = schemas.map((schema) => jsonSchemaOf(schema, TARGET) ?? null);
  return JSON.stringify([kind, name, described.map(sorted)]);
}

/** The order of keys says nothing. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1));
  return Object.fromEntries(entries.map(([key, field]) => [key, sorted(field)]));
}
