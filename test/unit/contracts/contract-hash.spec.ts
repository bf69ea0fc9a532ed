import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { contractHash, defineEvents, defineRequests } from '../../../src/index.js';

describe('contractHash', () => {
  const user = z.object({ name: z.string(), age: z.number() });
  const hash = contractHash(defineEvents({ a: user, b: z.string() }));

  it('is the same for the same contracts, in any order', () => {
    const reordered = z.object({ age: z.number(), name: z.string() });
    const again = defineEvents({ b: z.string(), a: user });
    expect(hash).toMatch(/^[\da-f]{16}$/);
    expect(contractHash(again)).toBe(hash);
    expect(contractHash(defineEvents({ b: z.string() }), defineEvents({ a: user }))).toBe(hash);
    expect(contractHash(defineEvents({ a: reordered, b: z.string() }))).not.toBe(hash);
  });

  it.each([
    ['a name', { a: user, c: z.string() }],
    ['a type', { a: user, b: z.number() }],
    ['a field', { a: z.object({ name: z.string() }), b: z.string() }],
  ])('changes with %s', (_, definition) => {
    expect(contractHash(defineEvents(definition))).not.toBe(hash);
  });

  it('tells events from requests, and has names alone where the library tells no more', () => {
    const schema = v.string();
    const requests = defineRequests({ a: { request: schema, response: schema } });
    expect(contractHash(requests)).not.toBe(contractHash(defineEvents({ a: schema })));
    expect(contractHash(defineEvents({ a: v.number() }))).toBe(
      contractHash(defineEvents({ a: schema })),
    );
    expect(contractHash(defineEvents({ a: z.date() }))).toBe(
      contractHash(defineEvents({ a: v.date() })),
    );
  });
});
