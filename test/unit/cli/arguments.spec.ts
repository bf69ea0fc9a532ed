import { describe, expect, it } from 'vitest';
import { connectionOf } from '../../../src/cli/connection.js';
import { TestTerminal } from '../../support/command-line.js';

const runWith = async (...args: string[]) => {
  const terminal = new TestTerminal();
  const code = await terminal.run(...args);
  return { code, output: terminal.output, errors: terminal.errors };
};

describe('the command line', () => {
  it.each([[[]], [['--help']], [['help']]])('prints its help for %j', async (args) => {
    const { code, output } = await runWith(...args);
    expect(code).toBe(0);
    expect(output).toContain('Usage: nestjs-redis-pubsub <command> [options]');
    expect(output).toMatch(/^ {2}acl {2}\S/m);
    expect(output).toMatch(/^ {2}top {2}\S/m);
  });

  it.each([
    ['acl', '--user NAME', '--may USE …'],
    ['top', '--interval MS', '--once'],
  ])('prints the help of %s', async (name, ...options) => {
    const { code, output } = await runWith(name, '--help');
    expect(code).toBe(0);
    for (const option of [...options, '--url URL', '--cluster']) expect(output).toContain(option);
  });

  it.each([[['acl', 'redis://shop:hunter2@h:1']], [['redis://shop:hunter2@h:1']]])(
    'shows no password of a URL that is out of place: %#',
    async (args) => {
      const { code, output, errors } = await runWith(...args);
      expect([code, output]).toEqual([2, '']);
      expect(errors).not.toContain('hunter2');
    },
  );

  it('prints its version', async () => {
    expect(await runWith('--version')).toMatchObject({ code: 0, output: '1.2.3\n' });
  });

  it.each([
    [['tpo'], 'Unknown command "tpo". Did you mean "top"?'],
    [['frobnicate'], 'Did you mean one of acl, top?'],
    [['top', '--onec'], 'Unknown option "--onec". Did you mean "--once"?'],
    [['acl', '-x'], 'Unknown option "-x"'],
    [['acl', '--user'], 'argument missing'],
    [['acl', 'shop'], 'Expected options only. Give the address with --url'],
    [['acl', '--may', 'shrad'], 'Unknown use "shrad". Did you mean "shard"?'],
    [['acl', '--channel', 'a', '--handlers-only'], 'got both'],
    [['acl', '--cluster', '--sentinel', 'm'], 'Expected --cluster or --sentinel, got both'],
    [['acl', '--user', 'a b'], 'has no white space'],
    [
      ['top', '--interval', '1'],
      'Expected --interval to be a number of milliseconds of at least 250',
    ],
    [['top', '--timeout', 'soon'], 'got "soon"'],
    [['top', '--url', 'http://x'], 'redis://host:port'],
    [['acl', '--url', 'redis://a:b%zz@h:1'], 'to be percent-encoded: "%" is written as %25'],
    [['top', '--cluster', '--url', 'redis://%@h:1'], 'to be percent-encoded'],
    [['acl', '--sentinel', 'm', '--url', 'redis://a:%e4@h:1'], 'to be percent-encoded'],
  ])('refuses %j with the code 2', async (args, message) => {
    const { code, output, errors } = await runWith(...args);
    expect(errors).toContain(message);
    expect(errors).toContain('Run with --help');
    expect({ code, output }).toEqual({ code: 2, output: '' });
  });

  it.each(['http://ada:s3cret@x', 's3cret@host', 'redis://:s3cret@'])(
    'shows no password of %s',
    async (url) => {
      const { code, errors } = await runWith('top', '--url', url);
      expect(code).toBe(2);
      expect(errors).not.toContain('s3cret');
    },
  );

  it('shows no value of an unknown option, and no control characters', async () => {
    expect((await runWith('top', '--pass=s3cret')).errors).not.toContain('s3cret');
    expect((await runWith('\x1b[2J')).errors).not.toContain('\x1b');
  });
});

describe('the connection of a command', () => {
  it('is that of the option, else of the environment, else of this machine', () => {
    const env = { REDIS_URL: 'redis://env:1' };
    expect(connectionOf({ url: 'redis://option:2' }, env).connection).toBe('redis://option:2');
    expect(connectionOf({}, env).connection).toBe('redis://env:1');
    expect(connectionOf({}, { REDIS_URL: '' }).connection).toBe('redis://localhost:6379');
  });

  it('is a node of a Cluster, with the login for all', () => {
    const url = 'rediss://ada:p%40ss@[::1]:7000';
    expect(connectionOf({ url, cluster: true, prefix: 'shop:' }, {})).toEqual({
      connection: {
        nodes: [{ host: '::1', port: 7000 }],
        options: { redisOptions: { username: 'ada', password: 'p@ss', tls: {} } },
      },
      prefix: 'shop:',
    });
  });

  it('is a sentinel, with a password of its own', () => {
    const env = { SENTINEL_PASSWORD: 'other' };
    expect(connectionOf({ url: 'redis://:pass@host', sentinel: 'mymaster' }, env)).toEqual({
      connection: {
        sentinels: [{ host: 'host', port: 26_379 }],
        name: 'mymaster',
        password: 'pass',
        sentinelPassword: 'other',
      },
    });
  });
});
