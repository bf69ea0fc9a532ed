import { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import {
  assertShardedSupport,
  explainReply,
  isLoginRefused,
  isReplyError,
} from '../../../../src/broker/connection/redis-error.js';
import { ConnectionError } from '../../../../src/errors.js';
import { FakeClient, replyError } from '../fake-client.js';

describe('isReplyError', () => {
  it.each([
    [replyError('ERR no'), true],
    [new Error('Connection is closed.'), false],
    [{ name: 'ReplyError', message: 'ERR no' }, false],
    [undefined, false],
  ])('is of %o: %j', (error, isReply) => {
    expect(isReplyError(error)).toBe(isReply);
  });

  it('accepts the error class of the installed ioredis', async () => {
    const { ReplyError } = await import('ioredis');
    expect(isReplyError(new (ReplyError as new (message: string) => Error)('ERR no'))).toBe(true);
    expect(Redis).toBeDefined();
  });
});

describe('isLoginRefused', () => {
  it.each([
    ['WRONGPASS invalid username-password pair or user is disabled.', true],
    ['NOAUTH Authentication required.', true],
    ['ERR invalid password', true],
    ['ERR Client sent AUTH, but no password is set', true],
    ['NOPERM this user has no permissions', false],
    ['an ERR invalid password', false],
    ['ECONNREFUSED', false],
  ])('is of "%s": %j', (message, isRefused) => {
    expect(isLoginRefused(replyError(message))).toBe(isRefused);
  });
});

const answer = (info: string | Error): FakeClient => {
  const client = new FakeClient();
  client.onCommand = ({ resolve, reject }) =>
    info instanceof Error ? reject(info) : resolve(info);
  return client;
};

describe('assertShardedSupport', () => {
  it.each(['7.0.0', '7.2.4', '8.2.1', '10.0.0', '255.255.255'])('accepts %s', async (version) => {
    const client = answer(`# Server\r\nredis_version:${version}\r\nredis_mode:standalone\r\n`);
    await expect(assertShardedSupport(client.redis)).resolves.toBeUndefined();
    expect(client.commands).toEqual(['info server']);
  });

  it.each(['6.2.14', '5.0.0'])('rejects for %s', async (version) => {
    const check = assertShardedSupport(answer(`redis_version:${version}\r\n`).redis);
    await expect(check).rejects.toThrow(
      new ConnectionError(`sharded Pub/Sub needs Redis 7.0, this server is ${version}`),
    );
  });

  it.each([
    ['without a version', '# Server\r\n'],
    ['with a field whose name only ends in redis_version', 'other_redis_version:6.0.0\r\n'],
    ['that refuses INFO', replyError('NOPERM no permission')],
  ])('accepts a server %s', async (_, info) => {
    await expect(assertShardedSupport(answer(info).redis)).resolves.toBeUndefined();
  });
});

describe('explainReply', () => {
  it.each([
    "ERR unknown command 'ssubscribe', with args beginning with: 'a'",
    'ERR unknown command `SPUBLISH`, with args beginning with: `a`',
    "ERR unknown command 'sunsubscribe'",
  ])('says for "%s" that the server is too old', (message) => {
    const reply = replyError(message);
    expect(explainReply(reply)).toMatchObject({
      message: 'sharded Pub/Sub needs Redis 7.0, and this server does not have it',
      cause: reply,
    });
  });

  it('says for a MOVED how to connect', () => {
    expect(explainReply(replyError('MOVED 3999 10.0.0.2:6379'))).toMatchObject({
      message:
        'another node of a Cluster has this shard channel; connect with `{ nodes }`, not to a single node',
    });
  });

  it.each(["ERR unknown command 'publish'", 'NOPERM no', 'a MOVED 1 x:1'])(
    'returns the error "%s" as it is',
    (message) => {
      const reply = replyError(message);
      expect(explainReply(reply)).toBe(reply);
    },
  );
});
