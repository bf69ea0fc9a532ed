import { IsString, ValidateNested } from 'class-validator';
import { Type } from 'class-transformer';
import { describe, expect, it } from 'vitest';
import { dto } from '../../../src/index.js';

describe('dto', () => {
  class Inner {
    @IsString()
    text!: string;
  }
  class Outer {
    @ValidateNested()
    @Type(() => Inner)
    inner!: Inner;
  }

  it('returns an instance, or the issues with their paths', async () => {
    const schema = dto(Outer, { whitelist: true });
    const result = await schema['~standard'].validate({ inner: { text: 'x', more: 1 }, more: 2 });
    expect(result).toEqual({ value: { inner: { text: 'x' } } });
    expect((result as { value: Outer }).value.inner).toBeInstanceOf(Inner);
    expect(await schema['~standard'].validate({ inner: { text: 5 } })).toEqual({
      issues: [{ message: 'text must be a string', path: ['inner', 'text'] }],
    });
  });

  it('refuses what is no class', () => {
    expect(() => dto({} as never)).toThrow('Expected "argument of dto" to be a class');
  });
});
