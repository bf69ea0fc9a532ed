import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startPrivateRedis, type PrivateRedis } from '../../sample/support/private-redis.js';

const RUNTIMES = [
  ['node', []],
  ['bun', []],
  ['deno', ['run', '--allow-all']],
] as const;

function isOnPath(name: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

describe('the built package', () => {
  let redis: PrivateRedis | undefined;
  beforeAll(async () => {
    redis = await startPrivateRedis();
  });
  afterAll(() => redis?.stop());

  for (const [name, args] of RUNTIMES) {
    const isMissing = !isOnPath(name);
    const reason = isMissing ? ` (skipped: ${name} is not on PATH)` : '';
    it.skipIf(isMissing)(`sends, receives and answers with ${name}${reason}`, async () => {
      const script = ['test/package/smoke.mjs', redis?.url ?? ''];
      const { stdout } = await promisify(execFile)(name, [...args, ...script]);
      expect(JSON.parse(stdout)).toEqual({
        receivers: 1,
        event: { channel: 'user.created', data: { name: 'Ada' } },
        doubled: 42,
      });
    });
  }
});
