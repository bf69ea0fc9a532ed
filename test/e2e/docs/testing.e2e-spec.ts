import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { codeBlocksOf, loadPage, readPage } from '../../support/pages.js';
import { useRedis } from '../../support/redis.js';

/** What the page says to write in the place of `RedisPubSubModule.forRoot(…)`. */
function moduleFromEnvironment(): string {
  const blocks = codeBlocksOf(readPage('docs/guide/testing-with-redis.md'));
  return blocks.find(({ code }) => code.includes('forRootAsync'))?.code.replace(/;$/, '') ?? '';
}

/** Finds this package by `paths`, as the line "plugins" of `nest new` does. */
const withPaths = (code: string): string =>
  code.replace('  test: {', '  resolve: { tsconfigPaths: true },\n  test: {');

/** Runs Vitest in a folder, and returns its report. */
async function runVitest(folder: string, config: string, env: object = {}): Promise<unknown> {
  const report = ['--reporter=json', '--outputFile=report.json'];
  await promisify(execFile)(
    process.execPath,
    [resolve('node_modules/vitest/vitest.mjs'), 'run', '--config', config, ...report],
    { cwd: folder, env: { PATH: process.env.PATH, ...env } },
  );
  return JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8'));
}

/** The configuration of `nest new`, which the page leaves as it is. */
const VITEST_CONFIG = `import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: { globals: true, root: './', include: ['**/*.spec.ts'] },
});
`;

describe('the page on testing', () => {
  it('has tests that pass without a Redis', async () => {
    // No Redis is there, so that a connection to it would fail the tests.
    const { folder } = loadPage('guide/testing', (code) =>
      code.replaceAll('localhost:6379', 'localhost:1'),
    );
    writeFileSync(join(folder, 'vitest.config.ts'), withPaths(VITEST_CONFIG));
    const report = await runVitest(folder, 'vitest.config.ts');
    expect(report).toMatchObject({ success: true, numPassedTests: 12 });
  }, 180_000);
});

describe('the page on testing with Redis', () => {
  const redis = useRedis();

  it('has tests that pass with the configuration that it shows', async () => {
    const info = await redis.client.info('server');
    const [, binary = ''] = /^executable:(.*?)\r?$/m.exec(info) ?? [];
    const { folder } = loadPage('guide/testing-with-redis', (code) =>
      withPaths(code.replace(/RedisPubSubModule\.forRoot\(\{.*?\}\)/s, moduleFromEnvironment())),
    );
    const report = await runVitest(folder, 'vitest.config.e2e.ts', {
      REDISMS_SYSTEM_BINARY: binary,
    });
    expect(report).toMatchObject({ success: true, numPassedTests: 1 });
    // A worker of Vitest loads Nest: that takes a while on a busy machine.
  }, 180_000);
});
