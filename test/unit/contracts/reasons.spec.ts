import { type } from 'arktype';
import { IsEmail, MinLength } from 'class-validator';
import * as fc from 'fast-check';
import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { z as z3 } from 'zod/v3';
import { dto } from '../../../src/contracts/dto.js';
import { reasonsOf } from '../../../src/contracts/reasons.js';
import { validate, type Schema, type SchemaIssue } from '../../../src/contracts/schema.js';

const SECRET = 's3cret';
/** It is no JSON, and no regular expression. */
const VALUE = `${SECRET}(`;

async function reasonsFor(schema: Schema, value: unknown): Promise<string[]> {
  const { issues } = (await validate(schema, value)) as { issues: readonly SchemaIssue[] };
  return reasonsOf(issues, schema, value);
}

class UserDto {
  @IsEmail()
  name!: string;
}

class TellingDto {
  @MinLength(10, { message: 'Too short: $value' })
  name!: string;
}

const issue = (message: string, path: readonly PropertyKey[] = []): SchemaIssue => ({
  message,
  path,
});

/** A schema of a library that refuses all values with these issues. */
const refusing = (vendor: string, issues: readonly SchemaIssue[]): Schema => ({
  '~standard': { version: 1, vendor, validate: () => ({ issues }) },
});

describe('the reasons of a refusal', () => {
  it.each<[string, unknown, string[]]>([
    [
      'valibot',
      v.object({ name: v.pipe(v.string(), v.email()), age: v.number() }),
      ['name: Invalid email', 'age: Invalid key: Expected "age"'],
    ],
    [
      'arktype',
      type({ name: 'string.email', age: 'number' }),
      ['age: must be a number', 'name: must be an email address'],
    ],
    [
      'zod',
      z.object({ name: z.email(), age: z.number() }),
      ['name: Invalid email address', 'age: Invalid input: expected number, received undefined'],
    ],
    ['class-validator', dto(UserDto), ['name: name must be an email']],
  ])('of %s say what is wrong, without values', async (_, schema, reasons) => {
    expect(await reasonsFor(schema as Schema, { name: SECRET })).toEqual(reasons);
  });

  it.each<[string, unknown]>([
    ['an intersection of ArkType', type({ name: type('string >= 20').and(/^x/) })],
    ['a union of ArkType', type({ name: type('string.email').or('string >= 20').or('number') })],
    [
      'a union of objects of ArkType',
      type({ name: 'number' }).or({ name: 'boolean', a: 'string' }),
    ],
    ['JSON of ArkType', type({ name: 'string.json.parse' })],
    ['a regular expression of ArkType', type({ name: 'string.regex' })],
    [
      'a morph of ArkType that throws',
      type({
        name: type('string').pipe.try((text): unknown => {
          throw new Error(text);
        }),
      }),
    ],
    ['a literal of ArkType', type({ name: '"a"' })],
    ['a discriminated union of ArkType', type({ name: '"a"' }).or({ name: '"b"', x: 'number' })],
    [
      'a translation of Valibot',
      v.object({
        name: v.pipe(
          v.string(),
          v.email(({ received }) => `Erhielt ${received}`),
        ),
      }),
    ],
    [
      'a text of the application in Valibot',
      v.object({
        name: v.pipe(
          v.string(),
          v.check(
            () => false,
            ({ input }) => `not ${input}`,
          ),
        ),
      }),
    ],
    ['a list of Valibot', v.object({ name: v.picklist(['a', 'b']) })],
    ['an enum of Zod 3', z3.object({ name: z3.enum(['a', 'b']) })],
    ['a literal of Zod 3', z3.object({ name: z3.literal('a') })],
    [
      'a text of the application in Zod',
      z.object({ name: z.email({ error: ({ input }) => `${String(input)} is no address` }) }),
    ],
    ['a text of the application in class-validator', dto(TellingDto)],
    ['a library that is not known', refusing('other', [issue(`"${SECRET}" is wrong`, ['name'])])],
  ])('of %s have no value', async (_, schema) => {
    const reasons = await reasonsFor(schema as Schema, { name: VALUE });
    expect(reasons.length).toBeGreaterThan(0);
    expect(reasons.join('\n')).toMatch(/^(?:name: )?\S/);
    expect(reasons.join('\n')).not.toContain(SECRET);
  });

  it.each([
    ['number', 4711, 'four, not 4711'],
    ['text with quotes', 'a"b', String.raw`got "a\"b"`],
    ['text of one letter', 'y', 'must not be y'],
  ])('do not quote a %s', (_, value, message) => {
    expect(reasonsOf([issue(message)], z.string(), value)).toEqual(['Invalid value']);
  });

  it('keep the texts of an application that have no value', async () => {
    const schema = z.object({ name: z.string().min(10, 'The name is too short') });
    expect(await reasonsFor(schema, { name: 'i' })).toEqual(['name: The name is too short']);
    expect(await reasonsFor(schema, { name: '' })).toEqual(['name: The name is too short']);
  });

  it('never fail, whatever a library gives', () => {
    const anything = fc.record({
      message: fc.anything(),
      path: fc.oneof(fc.array(fc.anything()), fc.constant(undefined)),
      expected: fc.anything(),
      errors: fc.anything(),
    });
    const vendor = fc.constantFrom('zod', 'valibot', 'arktype', 'class-validator', 'x');
    fc.assert(
      fc.property(anything, vendor, fc.anything(), (given, name, value) => {
        const [reason] = reasonsOf([given as never], refusing(name, []), value);
        expect(reason).toBeTypeOf('string');
      }),
    );
  });

  it('are ten at most, in one line each', () => {
    const issues = Array.from({ length: 1_000 }, (_, i) => ({
      message: 'two\nlines',
      path: [i, { key: 'x\ny' }],
    }));
    const reasons = reasonsOf(issues, z.string(), undefined);
    expect(reasons).toHaveLength(11);
    expect(reasons[0]).toBe(String.raw`0.x\u000ay: two\u000alines`);
    expect(reasons.at(-1)).toBe('and 990 more');
  });

  it('read twenty keys of a path at most', () => {
    let read = 0;
    const path = {
      *[Symbol.iterator]() {
        for (;;) yield read++;
      },
    } as unknown as string[];
    const [reason] = reasonsOf([{ message: 'x', path }], z.string(), {});
    expect(reason).toMatch(/^0\.1\..*\.19…: Invalid value$/);
    expect(read).toBe(21);
  });
});

describe('validate', () => {
  it.each([
    ['synchronous', z.string().transform((text) => JSON.parse(text) as unknown)],
    [
      'asynchronous',
      {
        '~standard': {
          version: 1 as const,
          vendor: 'own',
          validate: async (text: unknown) => ({ value: JSON.parse(String(text)) as unknown }),
        },
      },
    ],
  ])('does not tell what JSON.parse quotes: %s schema', async (_, schema) => {
    const error: unknown = await Promise.resolve()
      .then(() => validate(schema as Schema, SECRET))
      .catch((it: unknown) => it);
    expect(error).toBeInstanceOf(SyntaxError);
    expect(String(error)).not.toContain(SECRET);
  });
});
