import { readFileSync } from 'node:fs';
import { MessagePattern } from '@nestjs/microservices';
import { Controller } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { TestTerminal } from '../../support/command-line.js';
import { useRedis } from '../../support/redis.js';
import { UserHandlers, startInstance } from '../introspection/fleet.js';

/** A test may be slow: a question ends when all have answered. */
const TIMEOUT = ['--timeout', '20000'];

@Controller()
class Requests {
  @MessagePattern('pay')
  pay() {}
}

describe('the command line: acl', () => {
  const redis = useRedis();
  const acl = async (prefix: string, ...args: string[]) => {
    const terminal = new TestTerminal(false, { REDIS_URL: redis.url });
    const code = await terminal.run('acl', '--prefix', prefix, ...TIMEOUT, ...args);
    return { code, lines: terminal.output.split('\n').slice(0, -1), errors: terminal.errors };
  };

  it('prints the line of a service, which Redis takes', async () => {
    const prefix = 'two:';
    await startInstance(redis, { name: 'users', prefix }, { providers: [UserHandlers] });
    await startInstance(redis, { name: 'users', prefix }, { providers: [UserHandlers] });
    await startInstance(redis, { name: 'billing', prefix }, { controllers: [Requests] });
    const users = await acl(prefix, '--service=users');
    expect(users.errors).toContain('# users: assumed that it uses all below "two:"');
    expect(users.errors).toContain('# users: not done yet, and not allowed: request, query');
    expect(users.lines[0]).toContain('ACL SETUSER users on');
    expect(users.lines[0]).toContain(' &two:* &two:user.* ');
    const billing = await acl(prefix, '--service=billing');
    expect(billing.lines[0]).toContain('ACL SETUSER billing on');
    expect(billing.lines[0]).toContain(' &_pubsub.cancel ');
    for (const { code, lines } of [users, billing]) {
      expect({ code, count: lines.length }).toEqual({ code: 0, count: 1 });
      const [, ...args] = lines[0]!.split(' ');
      await expect(redis.client.call('ACL', ...args)).resolves.toBe('OK');
    }
  });

  it('lists the services without a line, and ends with 2, until one is chosen', async () => {
    const prefix = 'listed:';
    await startInstance(redis, { name: 'users', prefix });
    await startInstance(redis, { name: 'users', prefix });
    await startInstance(redis, { name: 'my shop', prefix });
    await startInstance(redis, { name: 'default', prefix });
    const { code, lines, errors } = await acl(prefix);
    expect({ code, lines }).toEqual({ code: 2, lines: [] });
    expect(errors.split('\n').slice(0, 3)).toEqual([
      '# default: 1 instance; no name of a user, so it needs --user',
      '# my shop: 1 instance; no name of a user, so it needs --user',
      '# users: 2 instances',
    ]);
    expect(errors).toContain('Expected --service with a service that you know');
    const json = await acl(prefix, '--json');
    expect(json.code).toBe(2);
    expect(JSON.parse(json.lines.join('\n'))).toContainEqual({ service: 'users', instances: 2 });
    const other = await acl(prefix, '--service=my shop', '--user=shop');
    expect(other.lines[0]).toContain('ACL SETUSER shop on');
  });

  it('prints for one service, another user, named channels and a shell', async () => {
    const prefix = 'one:';
    await startInstance(redis, { name: 'users', prefix }, { providers: [UserHandlers] });
    const { lines } = await acl(
      prefix,
      '--service=users',
      '--user=u',
      '--channel=paid',
      '--channel=log.:id',
      '--may=request',
      '--shell',
    );
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('redis-cli ACL SETUSER u on');
    expect(lines[0]).toContain("'&one:paid' '&one:log.*' '&one:user.*'");
    expect(lines[0]).not.toContain("'&one:*'");
    const only = await acl(prefix, '--service=users', '--handlers-only');
    expect(only.lines[0]).toContain(' -@all &one:user.* &_pubsub');
  });

  it('prints JSON with the reasons', async () => {
    const prefix = 'json:';
    await startInstance(redis, { name: 'users', prefix }, { providers: [UserHandlers] });
    const { lines } = await acl(prefix, '--service=users', '--json');
    const [service] = JSON.parse(lines.join('\n')) as Record<string, unknown>[];
    expect(service).toMatchObject({ service: 'users', user: 'users', instances: 1 });
    expect(service?.rights).toContainEqual({ rule: '+ping', reason: 'the heartbeat' });
    expect(service?.args).toContain('&json:user.*');
    expect(service?.line).toMatch(/^ACL SETUSER users on /);
  });

  it.each([
    ['acl', '--service=users'],
    ['top', '--once'],
  ])('%s needs no more rights than the page says', async (...command) => {
    const page = readFileSync('docs/operations/command-line.md', 'utf8');
    const lines = [...page.matchAll(/^ACL (SETUSER ops .+)$/gm)].map(([, line = '']) => line);
    expect(lines).toHaveLength(2);
    for (const line of lines) await redis.client.call('ACL', ...line.split(' '));
    await startInstance(redis, { name: 'users', prefix: 'shop:' });
    const url = `redis://ops:secret@127.0.0.1:${redis.port}`;
    const terminal = new TestTerminal(false, { REDIS_URL: url });
    const code = await terminal.run(...command, '--prefix', 'shop:', '--json', ...TIMEOUT);
    expect({ code, errors: terminal.errors }).toEqual({ code: 0, errors: '' });
    expect(terminal.output).toContain('"users"');
    expect(terminal.output).not.toContain('NOPERM');
  });

  it('ends with 3 where nothing runs', async () => {
    const { code, errors } = await acl('nothing:');
    expect(code).toBe(3);
    expect(errors).toContain('No instance has answered');
  });

  it('ends with 3 where the service does not run', async () => {
    const prefix = 'many:';
    await startInstance(redis, { name: 'a', prefix });
    const { code, lines, errors } = await acl(prefix, '--service', 'b');
    expect({ code, lines }).toEqual({ code: 3, lines: [] });
    expect(errors).toContain('No instance of the service "b" has answered');
  });

  it('shows no password where Redis refuses it', async () => {
    const terminal = new TestTerminal(false);
    const code = await terminal.run('acl', '--url', `redis://ada:s3cret@127.0.0.1:${redis.port}`);
    expect(code).toBe(1);
    expect(terminal.errors).toContain('WRONGPASS');
    expect(terminal.errors + terminal.output).not.toContain('s3cret');
  });
});
