import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { headerAttributes } from '../../../src/otel/attributes.js';

/** Few names, so that those that are asked for and those that are there meet. */
const name = fc.constantFrom('a', 'tenant', 'toString', '__proto__', 'constructor');

describe('the attributes of headers', () => {
  it('are those of the names that were asked for and are there, and no others', () => {
    fc.assert(
      fc.property(fc.array(name), fc.array(fc.tuple(name, fc.string())), (names, fields) => {
        const headers = Object.fromEntries(fields);
        const asked = [...new Set(names)].filter((it) => Object.hasOwn(headers, it));
        expect(headerAttributes(names, headers)).toEqual(
          Object.fromEntries(asked.map((it) => [`messaging.header.${it}`, headers[it]])),
        );
      }),
    );
  });
});
