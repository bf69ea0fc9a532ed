import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const SOURCES = join(import.meta.dirname, '../../src');
const SPECS = join(import.meta.dirname, '../unit');

/** The specs of the samples mirror another folder. */
const specs = readdirSync(SPECS, { recursive: true, encoding: 'utf8' }).filter(
  (file) => file.endsWith('.spec.ts') && !file.startsWith('sample'),
);

const sourceOf = (spec: string): string => spec.replace(/(\.property)?\.spec\.ts$/, '.ts');

describe('test/unit', () => {
  it('has specs', () => {
    expect(specs).toContain(join('channel', 'glob.spec.ts'));
  });

  it.each(specs)('has at %s the spec of a file in src', (spec) => {
    expect(existsSync(join(SOURCES, sourceOf(spec)))).toBe(true);
  });

  it.each([
    ['a/b.spec.ts', 'a/b.ts'],
    ['a/b.property.spec.ts', 'a/b.ts'],
    ['a/b.property.ts.spec.ts', 'a/b.property.ts.ts'],
  ])('takes %s for the spec of %s', (spec, source) => {
    expect(sourceOf(spec)).toBe(source);
  });
});
