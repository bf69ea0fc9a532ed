import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { codeBlocksOf, loadPage, readPage } from '../../support/pages.js';
import { useRedis } from '../../support/redis.js';

/** What the page says to write in the place of `RedisPubSubModule.forRoot(…)`. */
function moduleFromEnvironment(): string {
  const blocks = codeBlocksOf(readPage('docs/guide/testing.md'));
  return blocks.find(({ code }) => code.includes('forRootAsync'))?.code.replace(/;$/, '') ?? '';
}

/** Finds this package by `paths`, as the line "plugins" of `nest new` does. */
const withPaths = (code: string): string =>
  code.replace('  test: {', '  resolve: { tsconfigPaths: true },\n  test: {');

describe('the page on testing', () => {
  const redis = useRedis();

  it('has tests that pass with the configuration that it shows', async () => {
    const info = await redis.client.info('server');
    const [, binary = ''] = /^executable:(.*?)\r?$/m.exec(info) ?? [];
    const { folder } = loadPage('guide/testing', (code) =>
      withPaths(code.replace(/RedisPubSubModule\.forRoot\(\{.*?\}\)/s, moduleFromEnvironment())),
    );
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [resolve('node_modules/vitest/vitest.mjs'), 'run', '--reporter=json'],
      { cwd: folder, env: { PATH: process.env.PATH, REDISMS_SYSTEM_BINARY: binary } },
    );
    expect(JSON.parse(stdout)).toMatchObject({ success: true, numPassedTests: 5 });
    // Five workers of Vitest load Nest: that takes a while on a busy machine.
  }, 180_000);
});
