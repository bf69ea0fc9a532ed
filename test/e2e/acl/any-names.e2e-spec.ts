import { execFileSync } from 'node:child_process';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planAcl, redisLine, setUser, shellLine } from '../../../src/acl/acl-plan.js';
import { ChannelPattern } from '../../../src/channel/channel-pattern.js';
import { ACCESS, instance } from '../../support/acl-instance.js';
import { useRedis } from '../../support/redis.js';
import { HAS_SHARDED } from '../../support/sharded.js';

/** Names and patterns with all that has a meaning in a glob, in an ACL rule, in quotes or in a terminal. */
const source = fc
  .string({
    unit: fc.constantFrom(...Array.from('ab.:*?[]^-\\&>~+% "\'\n\té漢\x1b'), '\u202e', ':id'),
    minLength: 1,
    maxLength: 12,
  })
  .filter((text) => {
    try {
      return ChannelPattern.parse(text) !== undefined;
    } catch {
      return false;
    }
  });
const prefix = fc.constantFrom('', 'shop:', 'a*b:', 'a b.', '[x]\\');

const VERSION = { major: 7, minor: 0 };
const COMMANDS = { channel: 'SUBSCRIBE', pattern: 'PSUBSCRIBE' } as const;

describe.runIf(HAS_SHARDED)('an ACL with any names (Redis 7.0 or later)', () => {
  const redis = useRedis();

  it('is accepted by Redis, and allows each subscription', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(source, { maxLength: 5 }), prefix, async (sources, start) => {
        const handlers = sources.map((text) => {
          const pattern = ChannelPattern.parse(text);
          const name = pattern.withPrefix(start);
          return {
            pattern: text,
            kind: 'event' as const,
            subscription: pattern.kind,
            name,
            options: {},
          };
        });
        const plan = planAcl([instance(handlers, ACCESS, start)], {
          version: VERSION,
          channels: [],
        });
        await redis.client.acl('DELUSER', 'any');
        await redis.client.call('ACL', ...setUser('any', plan.rights));
        for (const { subscription, name } of handlers) {
          if (plan.impossible.includes(name)) continue;
          const command = COMMANDS[subscription];
          const answer = await redis.client.call('ACL', 'DRYRUN', 'any', command, name);
          expect(String(answer)).toBe('OK');
        }
      }),
      { numRuns: 200 },
    );
  });

  it('is read by redis-cli and by a shell as it was meant', () => {
    const names = [
      'plain',
      "it's",
      'a"b',
      'a b',
      'a\\b',
      '*?[x]',
      'é漢',
      '\x1b[2J',
      'x\u202e',
      '$HOME',
    ];
    const lines = names.map((name) => redisLine(['DRYRUN', name]));
    for (const line of lines) expect(line).not.toMatch(/\p{C}/u);
    const input = lines.map((line) => line.replace('ACL DRYRUN', 'ECHO')).join('\n');
    const cli = ['-p', String(redis.port), '--raw'];
    const echoed = execFileSync('redis-cli', cli, { encoding: 'utf8', input });
    expect(echoed.split('\n').slice(0, -1)).toEqual(names);
    const args = names.map((name) => shellLine([name]).replace('redis-cli ACL ', ''));
    const script = `printf '%s\\0' ${args.join(' ')}`;
    const read = execFileSync('bash', ['-c', script], { encoding: 'utf8' });
    expect(read.split('\0').slice(0, -1)).toEqual(names);
  });
});
