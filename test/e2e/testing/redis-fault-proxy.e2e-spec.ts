import { Redis, type RedisOptions } from 'ioredis';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { RedisFaultProxy, type RedisFaultProxyOptions } from 'nestjs-redis-pubsub/testing';
import { closeAfterTest } from '../../support/app.js';
import { IS_IOREDIS_6 } from '../../support/ioredis-version.js';
import { eventually, useRedis } from '../../support/redis.js';
import { startProxy } from '../../support/tcp-proxy.js';

const folder = mkdtempSync(join(tmpdir(), 'redis-'));
const path = join(folder, 'redis.sock');
afterAll(() => rmSync(folder, { recursive: true }));

const LOGIN = ['--user', 'app', 'on', '>se@cret', '&*', '~*', '+@all'];
const redis = useRedis(['--unixsocket', path, ...LOGIN]);

const NOPERM = 'NOPERM No permissions to access a channel';

async function start(
  target: string = redis.url,
  options?: RedisFaultProxyOptions,
): Promise<RedisFaultProxy> {
  const proxy = await RedisFaultProxy.start(target, options);
  closeAfterTest(() => proxy.close());
  return proxy;
}

/** A client that knows nothing of the package; closed after the test. */
function clientOf({ url }: RedisFaultProxy, options: RedisOptions = {}): Redis {
  const client = new Redis(url, { retryStrategy: () => 20, maxRetriesPerRequest: 0, ...options });
  client.on('error', () => undefined);
  closeAfterTest(async () => client.disconnect());
  return client;
}

/** The messages that a client receives. */
function messagesOf(client: Redis): string[] {
  const messages: string[] = [];
  client.on('message', (channel: string, text: string) => messages.push(`${channel} ${text}`));
  client.on('pmessage', (_: string, channel: string, text: string) =>
    messages.push(`${channel} ${text}`),
  );
  client.on('smessage', (channel: string, text: string) => messages.push(`${channel} ${text}`));
  return messages;
}

/** A connection without a client. */
class RawConnection {
  readonly socket: Socket;
  text = '';

  constructor({ url }: RedisFaultProxy) {
    this.socket = connect(Number(new URL(url).port), '127.0.0.1');
    this.socket.on('data', (bytes) => (this.text += bytes.toString('latin1')));
    this.socket.on('error', () => undefined);
    closeAfterTest(async () => this.socket.destroy());
  }

  /** Sends commands, in which spaces part the words, in one write. */
  send(...commands: string[]): void {
    const frames = commands.map((command) => {
      const words = command.split(' ').map((word) => `$${word.length}\r\n${word}\r\n`);
      return `*${words.length}\r\n${words.join('')}`;
    });
    this.socket.write(frames.join(''));
  }

  /** What it has received when there are so many lines of it. */
  async received(lines: number): Promise<string[]> {
    const arrived = (): string[] => this.text.split('\r\n').slice(0, -1);
    await eventually(
      () => arrived().length >= lines,
      () => JSON.stringify(this.text),
    );
    return arrived();
  }
}

describe('a fault proxy', () => {
  it('leads to the Redis of its target, with its user, password and database', async () => {
    const proxy = await start(`redis://app:se%40cret@localhost:${redis.port}/3`);
    expect(new URL(proxy.url)).toMatchObject({
      protocol: 'redis:',
      username: 'app',
      password: 'se%40cret',
      hostname: '127.0.0.1',
      pathname: '/3',
    });
    const client = clientOf(proxy);
    expect(await client.call('ACL', 'WHOAMI')).toBe('app');
    expect(await client.client('INFO')).toContain(' db=3 ');
  });

  it('leads to a unix socket', async () => {
    const client = clientOf(await start(path));
    expect(await client.client('INFO')).toContain(path);
  });

  it('refuses targets with TLS, and others, without a secret in the error', async () => {
    const failure = start('rediss://app:se%40cret@localhost:6390');
    await expect(failure).rejects.toThrow(
      'Expected "target" to be a redis:// URL or the absolute path of a unix socket, without TLS, got "…@localhost:6390"',
    );
    await expect(start({} as string)).rejects.toMatchObject({ code: 'ERR_PUBSUB_INVALID_OPTION' });
    await expect(start('localhost')).rejects.toMatchObject({ code: 'ERR_PUBSUB_INVALID_OPTION' });
  });

  it('refuses an option that is not valid', async () => {
    await expect(start(redis.url, { reservedSegment: 'a.b' })).rejects.toMatchObject({
      code: 'ERR_PUBSUB_INVALID_OPTION',
    });
  });

  it('reads no more than a slow client takes, so that Redis notices it', async () => {
    await redis.client.config('SET', 'client-output-buffer-limit', 'pubsub 1mb 1mb 1');
    const raw = new RawConnection(await start());
    raw.send('SUBSCRIBE slow');
    await redis.subscribers('slow', 1);
    raw.socket.pause();
    const payload = Buffer.alloc(500_000, 'x');
    let published = 0;
    // The buffers of the system take some of it.
    while ((await redis.client.publish('slow', payload)) > 0 && published < 200) published++;
    expect(published).toBeLessThan(200);
  });

  it('does not start where no Redis is', async () => {
    const failure = start(join(folder, 'none.sock'));
    await expect(failure).rejects.toMatchObject({ code: 'ERR_PUBSUB_CONNECTION' });
    await expect(failure).rejects.toThrow(`Cannot connect to ${join(folder, 'none.sock')}: `);
  });

  it.each([2, 3] as const)('carries bytes of any kind and size over RESP%i', async (protocol) => {
    const client = clientOf(await start(), { protocol });
    const bytes = Buffer.from(Array.from({ length: 3_000_000 }, (_, i) => (i * 7) % 256));
    await client.set('bytes', bytes);
    expect(bytes.equals((await client.getBuffer('bytes')) ?? Buffer.alloc(0))).toBe(true);
    const lists = await client.multi().lrange('none', 0, -1).hset('hash', 'a', '1').exec();
    expect(lists).toEqual([
      [null, []],
      [null, 1],
    ]);
    await client.del('hash');
  });

  it('closes a connection that Redis closes, after its last answer', async () => {
    const raw = new RawConnection(await start());
    await redis.client.set('large', Buffer.alloc(20_000_000, 'x'));
    const closed = new Promise((resolve) => raw.socket.once('close', resolve));
    raw.send('GET large', 'QUIT');
    await closed;
    expect(raw.text).toHaveLength('$20000000\r\n'.length + 20_000_000 + '\r\n+OK\r\n'.length);
    await redis.client.del('large');
  });

  it('sends all that a client wrote before it closed', async () => {
    const raw = new RawConnection(await start());
    await redis.client.del('written');
    const command = `APPEND written ${'x'.repeat(2_000_000)}`;
    raw.send(...Array.from({ length: 20 }, () => command));
    raw.socket.end();
    await eventually(async () => (await redis.client.strlen('written')) === 40_000_000);
    expect(await redis.client.del('written')).toBe(1);
  });

  it('closes every connection with "await using"', async () => {
    let client: Redis;
    {
      await using proxy = await RedisFaultProxy.start(redis.url);
      client = clientOf(proxy, { retryStrategy: null as never });
      await client.ping();
    }
    await eventually(() => client.status === 'end');
    await expect(client.ping()).rejects.toThrow('Connection is closed');
  });

  it('may be closed twice', async () => {
    const proxy = await start();
    await proxy.close();
    expect(await proxy.close()).toBeUndefined();
  });
});

describe('cut', () => {
  it('ends each connection and every new one, until restore', async () => {
    const proxy = await start();
    const client = clientOf(proxy);
    await client.ping();
    let closes = 0;
    client.on('close', () => closes++);
    proxy.cut();
    await expect(client.ping()).rejects.toThrow(/closed|max retries|reset/i);
    await eventually(() => closes > 2);
    proxy.restore();
    await eventually(() => client.status === 'ready');
    expect(await client.ping()).toBe('PONG');
  });
});

describe('deafen', () => {
  it.each([2, 3] as const)(
    'loses messages of all kinds, and nothing else, over RESP%i',
    async (protocol) => {
      const proxy = await start();
      const client = clientOf(proxy, { protocol });
      const messages = messagesOf(client);
      await client.subscribe('a');
      await client.psubscribe('b.*');
      await client.ssubscribe('c');
      proxy.deafen();
      expect(await redis.client.publish('a', '1')).toBe(1);
      expect(await redis.client.publish('b.1', '1')).toBe(1);
      expect(await redis.client.spublish('c', '1')).toBe(1);
      await client.ping();
      expect(await client.subscribe('d')).toBe(3);
      expect(messages).toEqual([]);
    },
  );

  it('loses no answer that looks like a message', async () => {
    const proxy = await start();
    await redis.client.del('list');
    await redis.client.rpush('list', 'message', 'a', '1');
    for (const protocol of [2, 3] as const) {
      const client = clientOf(proxy, { protocol });
      // In RESP2, and so with ioredis 5, a subscriber sends no such command.
      if (protocol === 3 && IS_IOREDIS_6) await client.subscribe('a');
      proxy.deafen();
      expect(await client.lrange('list', 0, -1)).toEqual(['message', 'a', '1']);
      proxy.restore();
    }
  });

  it('ends connections with subscriptions at restore, and no others', async () => {
    const proxy = await start();
    const [subscriber, other, former] = [clientOf(proxy), clientOf(proxy), clientOf(proxy)];
    const closed: string[] = [];
    subscriber.on('close', () => closed.push('subscriber'));
    other.on('close', () => closed.push('other'));
    former.on('close', () => closed.push('former'));
    await other.ping();
    await subscriber.subscribe('a');
    await former.subscribe('a');
    await former.unsubscribe('a');
    proxy.deafen();
    proxy.restore();
    await eventually(() => closed.length > 0);
    await other.ping();
    await former.ping();
    expect(closed).toEqual(['subscriber']);
  });
});

describe('dropNext', () => {
  it('loses so many messages at each subscriber, and none of the package itself', async () => {
    const proxy = await start();
    const [one, two] = [clientOf(proxy), clientOf(proxy)];
    const [atOne, atTwo] = [messagesOf(one), messagesOf(two)];
    await one.subscribe('a', '_pubsub.x');
    await two.psubscribe('*');
    proxy.dropNext(2);
    proxy.dropNext();
    for (const text of ['1', '2', '_', '3', '4']) {
      await redis.client.publish(text === '_' ? '_pubsub.x' : 'a', text);
    }
    await eventually(() => atOne.length + atTwo.length === 4);
    expect([atOne, atTwo]).toEqual([
      ['_pubsub.x _', 'a 4'],
      ['_pubsub.x _', 'a 4'],
    ]);
  });

  it('knows the reserved segment of an application', async () => {
    const proxy = await start(redis.url, { reservedSegment: 'own' });
    const client = clientOf(proxy);
    const messages = messagesOf(client);
    await client.subscribe('own.x', '_pubsub.x');
    proxy.dropNext();
    await redis.client.publish('own.x', '1');
    await redis.client.publish('_pubsub.x', '2');
    await redis.client.publish('_pubsub.x', '3');
    await eventually(() => messages.length === 2);
    expect(messages).toEqual(['own.x 1', '_pubsub.x 3']);
  });

  it('ends with restore, and concerns no later connection', async () => {
    const proxy = await start();
    const early = clientOf(proxy);
    const messages = messagesOf(early);
    await early.subscribe('a');
    proxy.dropNext(5);
    const late = clientOf(proxy);
    const lateMessages = messagesOf(late);
    await late.subscribe('a');
    await redis.client.publish('a', '1');
    await eventually(() => lateMessages.length === 1);
    proxy.restore();
    await redis.client.publish('a', '2');
    await eventually(() => messages.length === 1);
    expect(messages).toEqual(['a 2']);
  });
});

describe('delay', () => {
  it('delays what a client receives by at least that time, in its order', async () => {
    const proxy = await start();
    const client = clientOf(proxy);
    const messages = messagesOf(client);
    await client.subscribe('a');
    proxy.delay(100);
    const before = performance.now();
    for (const text of ['1', '2', '3']) await redis.client.publish('a', text);
    await client.ping();
    expect(performance.now() - before).toBeGreaterThanOrEqual(99);
    expect(messages).toEqual(['a 1', 'a 2', 'a 3']);
  });

  it('leaves no timer when a client has gone', async () => {
    const proxy = await start();
    const raw = new RawConnection(proxy);
    raw.send('PING');
    expect(await raw.received(1)).toEqual(['+PONG']);
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    closeAfterTest(async () => void vi.useRealTimers());
    proxy.delay(3_600_000);
    raw.send('PING');
    await eventually(() => vi.getTimerCount() === 1);
    raw.socket.destroy();
    await eventually(() => vi.getTimerCount() === 0);
    expect(raw.text).toBe('+PONG\r\n');
  });

  it('ends with restore, at which all that is delayed arrives before what follows', async () => {
    const proxy = await start();
    const client = clientOf(proxy);
    const messages = messagesOf(client);
    await client.subscribe('a');
    proxy.delay(3_600_000);
    await redis.client.publish('a', '1');
    const answer = client.ping();
    await redis.client.publish('a', '2');
    proxy.restore();
    await redis.client.publish('a', '3');
    await answer;
    await eventually(() => messages.length === 3);
    expect(messages).toEqual(['a 1', 'a 2', 'a 3']);
  });
});

describe('refuse', () => {
  it('answers as an ACL does, in the place of the command among others', async () => {
    const proxy = await start();
    const raw = new RawConnection(proxy);
    proxy.refuse('PUBLISH', 'secret.*');
    proxy.refuse('PUBSUB');
    raw.send('PING', 'publish secret.1 x', 'PUBLISH open x', 'PUBSUB NUMPAT', 'PING');
    expect(await raw.received(5)).toEqual(['+PONG', `-${NOPERM}`, ':0', `-${NOPERM}`, '+PONG']);
  });

  it.each([2, 3] as const)('refuses a subscriber over RESP%i', async (protocol) => {
    const proxy = await start();
    const client = clientOf(proxy, { protocol });
    await client.subscribe('open');
    proxy.refuse('SUBSCRIBE', 'secret.*');
    proxy.refuse('PSUBSCRIBE', 'secret.*');
    proxy.refuse('SSUBSCRIBE');
    await expect(client.subscribe('other', 'secret.1')).rejects.toThrow(NOPERM);
    await expect(client.psubscribe('secret.*')).rejects.toThrow(NOPERM);
    await expect(client.ssubscribe('any')).rejects.toThrow(NOPERM);
    expect(await client.subscribe('other')).toBe(2);
    expect(await redis.client.pubsub('NUMSUB', 'secret.1')).toEqual(['secret.1', 0]);
    proxy.restore();
    expect(await client.subscribe('secret.1')).toBe(3);
  });

  it('ends a transaction, as Redis does for a command that it does not allow', async () => {
    const proxy = await start();
    proxy.refuse('PUBLISH');
    const raw = new RawConnection(proxy);
    raw.send('MULTI', 'PUBLISH a x', 'EXEC');
    expect(await raw.received(3)).toEqual([
      '+OK',
      `-${NOPERM}`,
      '-EXECABORT Transaction discarded because of previous errors.',
    ]);
  });

  it('refuses names that are no text', async () => {
    const proxy = await start();
    const client = clientOf(proxy);
    proxy.refuse('PUBLISH', 'é?');
    const [refused, allowed] = ['c3a9ff', 'c3ffff'].map((hex) => Buffer.from(hex, 'hex'));
    await expect(client.publish(refused as Buffer, 'x')).rejects.toThrow(NOPERM);
    expect(await client.publish(allowed as Buffer, 'x')).toBe(0);
  });

  it('refuses a script with the name of such a channel, and no other script', async () => {
    const proxy = await start();
    const client = clientOf(proxy);
    proxy.refuse('PUBLISH', 'secret.*');
    const script = "return redis.call('PUBLISH', ARGV[1], ARGV[2])";
    await expect(client.eval(script, 0, 'secret.1', 'x')).rejects.toThrow(NOPERM);
    expect(await client.eval(script, 0, 'open', 'x')).toBe(0);
  });

  it('ends a connection with a subscription that is no longer allowed', async () => {
    const proxy = await start();
    const [first, second] = [clientOf(proxy), clientOf(proxy)];
    const closed: string[] = [];
    first.on('close', () => closed.push('first'));
    second.on('close', () => closed.push('second'));
    await first.subscribe('secret.1');
    await second.psubscribe('secret.*');
    proxy.refuse('SUBSCRIBE', 'secret.*');
    await eventually(() => closed.length > 0);
    await second.ping();
    expect(closed).toEqual(['first']);
  });

  it('ends a connection whose subscription was on its way to Redis', async () => {
    const network = await startProxy(redis.port);
    const proxy = await start(network.url);
    const client = clientOf(proxy, { autoResubscribe: false });
    await client.ping();
    let closes = 0;
    client.on('close', () => closes++);
    network.hold(/subscribe/i);
    client.subscribe('secret.1').catch(() => undefined);
    await eventually(() => network.holding === 1);
    proxy.refuse('SUBSCRIBE', 'secret.*');
    network.release();
    await eventually(() => closes > 0);
    expect(await redis.client.pubsub('NUMSUB', 'secret.1')).toEqual(['secret.1', 0]);
  });
});
