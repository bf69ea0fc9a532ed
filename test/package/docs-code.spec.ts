import { describe, expect, it } from 'vitest';
import { compileBlocks } from '../support/compile-blocks.js';
import { codeBlocksOf, readPages, type CodeBlock } from '../support/pages.js';
import { IS_NEST_12 } from '../support/nest-version.js';

const blocks = readPages().flatMap(codeBlocksOf);

const block = (code: string, other: Partial<CodeBlock> = {}): CodeBlock => ({
  page: 'page.md',
  line: 10,
  code,
  file: undefined,
  given: '',
  isNest12: false,
  ...other,
});

describe('the code of the documentation', () => {
  it('compiles', () => {
    expect(blocks.length).toBeGreaterThan(0);
    expect(compileBlocks(blocks.filter(({ isNest12 }) => IS_NEST_12 || !isNest12))).toEqual([]);
  }, 120_000);

  it('is compiled in earnest: errors name the page and the line', () => {
    const broken = [
      block("const text: string = 'a';\nconst wrong: number = text;"),
      block("@Subscribe('a')\nhandle(@Payload() id: string) {\n  id.wrong();\n}"),
      block("pubsub.wrong('a');", { given: 'declare const pubsub: RedisPubSubService;\n' }),
      block("// src/a.ts\nimport { b } from './b.js';\nexport const a: string = b;", {
        file: 'src/a.ts',
      }),
      block('// src/b.ts\nexport const b = 1;', { file: 'src/b.ts' }),
    ];
    expect(compileBlocks(broken)).toEqual([
      expect.stringMatching(/^page\.md:11: Type 'string' is not assignable to type 'number'/),
      expect.stringMatching(/^page\.md:12: Property 'wrong' does not exist on type 'string'/),
      expect.stringMatching(
        /^page\.md:10: Property 'wrong' does not exist on type 'RedisPubSubService'/,
      ),
      expect.stringMatching(/^page\.md:12: Type 'number' is not assignable to type 'string'/),
    ]);
  }, 120_000);
});
