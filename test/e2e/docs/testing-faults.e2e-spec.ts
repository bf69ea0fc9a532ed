import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { loadPage } from '../../support/pages.js';
import { useRedis } from '../../support/redis.js';

const CONFIG = `export default {
  resolve: { tsconfigPaths: true },
  test: { globals: true, root: './', include: ['**/*.e2e-spec.ts'] },
};
`;

describe('the page on faults', () => {
  const redis = useRedis();

  it('has a test that passes', async () => {
    const { folder } = loadPage('guide/testing-faults', (code) =>
      code.replace('redis://localhost:6379', redis.url),
    );
    writeFileSync(join(folder, 'vitest.config.js'), CONFIG);
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [resolve('node_modules/vitest/vitest.mjs'), 'run', '--reporter=json'],
      { cwd: folder, env: { PATH: process.env.PATH } },
    );
    expect(JSON.parse(stdout)).toMatchObject({ success: true, numPassedTests: 1 });
  }, 180_000);
});
