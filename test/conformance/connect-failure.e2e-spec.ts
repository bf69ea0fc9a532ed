import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { ConnectionError, type RedisConnection } from 'nestjs-redis-pubsub';
import { closeAfterTest } from '../support/app.js';
import { startPrivateRedis } from '../../sample/support/private-redis.js';
import { IS_IOREDIS_6 } from '../support/ioredis-version.js';
import { eventually, plain, useRedis } from '../support/redis.js';
import { SentinelSet } from '../support/sentinel.js';
import { becomes, CollectedLog, unique } from './collector.js';
import { createTestBroker } from './test-broker.js';

const folder = mkdtempSync(join(tmpdir(), 'redis-connect-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** The error of the first attempt, and the log. */
async function fail(connection: RedisConnection): Promise<{ error: Error; log: CollectedLog }> {
  const log = new CollectedLog();
  const broker = createTestBroker(connection, { log });
  const error: unknown = await broker.connect(0).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(ConnectionError);
  await eventually(() => log.lines.length >= 1);
  return { error: error as Error, log };
}

/** A server that does this with each connection; resolves to its port. */
async function listen(onSocket: (socket: Socket) => void, host = '127.0.0.1'): Promise<number> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    onSocket(socket);
  }).listen(0, host);
  closeAfterTest(async () => server.close());
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** A port where nothing listens. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Both addresses of a name, whatever the machine resolves it to. */
function lookup(_: string, __: object, callback: (...args: unknown[]) => void): void {
  callback(null, [
    { address: '127.0.0.1', family: 4 },
    { address: '127.0.0.2', family: 4 },
  ]);
}

async function startTls(): Promise<number> {
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  execFileSync(
    'openssl',
    `req -x509 -newkey rsa:2048 -nodes -days 1 -keyout ${key} -out ${cert} -subj /CN=localhost`.split(
      ' ',
    ),
    { stdio: 'ignore' },
  );
  const port = await freePort();
  const server = await startPrivateRedis(
    `--tls-port ${port} --tls-auth-clients no --tls-key-file ${key} --tls-cert-file ${cert}`.split(
      ' ',
    ),
  );
  closeAfterTest(() => server.stop());
  return port;
}

describe('the error of a connection that cannot be made', () => {
  const redis = useRedis();

  it('names the host, the port and the reason of each address of a host name', async () => {
    const port = await freePort();
    const { error, log } = await fail({
      host: 'redis.example',
      port,
      // Older versions of ioredis ask for IPv4 alone, and for one address.
      family: 0,
      tls: { lookup } as object,
    });
    const reasons = `connect ECONNREFUSED 127.0.0.1:${port}; connect ECONNREFUSED 127.0.0.2:${port}`;
    expect(error.message).toBe(
      `Redis is unreachable: ${reasons} (at redis.example:${port}). Connection is closed.`,
    );
    expect(log.lines[0]).toContain(`to redis.example:${port} (${reasons}); retrying`);
  });

  it('names the host and the port of localhost', async () => {
    const port = await freePort();
    const { error } = await fail(`redis://localhost:${port}`);
    expect(error.message).toMatch(/^Redis is unreachable: connect ECONNREFUSED .*\d/);
    expect(error.message).toContain(`localhost:${port}`);
  });

  it('is the refusal of Redis where it refused the login', async () => {
    const user = unique('unknown');
    const { error } = await fail({ ...plain(redis.port), username: user, password: 'pw' });
    expect(error.message).toMatch(
      /^Redis refused the connection: WRONGPASS .* \(at 127.0.0.1:\d+\)\. Connection is closed\.$/,
    );
  });

  // ioredis 5 writes once more before it reads, and loses what the server said.
  it.runIf(IS_IOREDIS_6)('says that the server has too many clients', async () => {
    await redis.client.config('SET', 'maxclients', '1');
    closeAfterTest(() => redis.client.config('SET', 'maxclients', '10000'));
    const { error, log } = await fail(plain(redis.port));
    expect(error.message).toContain(
      'Redis refused the connection: ERR max number of clients reached',
    );
    expect(log.lines[0]).toContain('(ERR max number of clients reached)');
  });

  it('is the first of several error replies', async () => {
    const port = await listen((socket) => socket.end('-ERR max number of clients\r\n-ERR x\r\n'));
    const { error } = await fail(plain(port));
    expect(error.message).toContain('Redis refused the connection: ERR max number of clients (at');
  });

  it('asks about TLS and HELLO after a connection that was closed without an answer', async () => {
    const port = await listen((socket) => socket.once('data', () => socket.resetAndDestroy()));
    const { error } = await fail(plain(port));
    expect(error.message).toContain(
      'connected, and closed without an answer; check whether this port expects TLS (rediss://), and whether the server knows HELLO',
    );
  });

  it('does not ask about TLS after a connection that was closed after an answer', async () => {
    const port = await listen((socket) =>
      socket.once('data', () => {
        socket.write('%1\r\n+server\r\n+redis\r\n', () => socket.end());
      }),
    );
    const { error } = await fail(plain(port));
    expect(error.message).not.toContain('TLS');
  });

  it('asks about TLS at a port with TLS', async () => {
    const { error } = await fail(plain(await startTls()));
    expect(error.message).toContain('check whether this port expects TLS (rediss://)');
  });

  it('says so where the server answers with TLS', async () => {
    const alert = Buffer.from([0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x46]);
    const port = await listen((socket) => socket.once('data', () => socket.end(alert)));
    const { error } = await fail(plain(port));
    expect(error.message).toContain('the server answers with TLS; use rediss://');
  });

  it('says so where the server is no Redis', async () => {
    const port = await listen((socket) =>
      socket.once('data', () => socket.end('HTTP/1.1 400\r\n')),
    );
    const { error } = await fail(plain(port));
    expect(error.message).toBe(
      `Cannot connect to Redis: the answer is not in the protocol of Redis; check the host and the port (at 127.0.0.1:${port}). Connection is closed.`,
    );
  });

  it('asks about TLS where the handshake gets no answer within the connectTimeout', async () => {
    const { error } = await fail({ ...plain(redis.port), tls: {}, connectTimeout: 200 });
    expect(error.message).toContain(
      'connect ETIMEDOUT: connected, and no answer to the TLS handshake; check whether this port expects TLS',
    );
  });

  it('says so where the answer to the handshake is not TLS', async () => {
    const port = await listen((socket) => socket.end('-ERR max number of clients reached\r\n'));
    const { error } = await fail({ ...plain(port), tls: {} });
    expect(error.message).toContain('the answer to the TLS handshake is not TLS');
  });

  it('does not call a server unreachable whose certificate is not trusted', async () => {
    const { error } = await fail(`rediss://127.0.0.1:${await startTls()}`);
    expect(error.message).toMatch(/^Cannot connect to Redis: self-signed certificate \(at /);
  });

  it('shows no password, in no cause and no property', async () => {
    const secret = 'hunter2-marked';
    await redis.client.config('SET', 'requirepass', 'other');
    closeAfterTest(() => redis.client.config('SET', 'requirepass', ''));
    for (const protocol of [2, 3] as const) {
      const connection = { ...plain(redis.port), password: secret, protocol };
      const { error, log } = await fail(connection);
      expect(error.cause).toBeInstanceOf(Error);
      expect(inspect(error, { depth: Infinity, showHidden: true })).not.toContain(secret);
      expect(log.lines.join()).not.toContain(secret);
    }
  });
});

async function failAtNodes(ports: number[], redisOptions = {}): Promise<string> {
  const { error } = await fail({ nodes: ports, options: { redisOptions } });
  return error.message;
}

describe('the error of a Cluster of which no node can be used', () => {
  const redis = useRedis();
  it('names each node with its reason', async () => {
    const [one, other] = [await freePort(), await freePort()].toSorted() as [number, number];
    expect(await failAtNodes([one, other])).toMatch(
      new RegExp(
        `^No node of the Cluster is reachable: 127.0.0.1:${one}: connect ECONNREFUSED .*, 127.0.0.1:${other}: connect ECONNREFUSED `,
      ),
    );
  });

  it('asks about TLS at a port with TLS', async () => {
    const port = await startTls();
    const message = await failAtNodes([port]);
    expect(message).toContain(`No node of the Cluster gave a usable answer: 127.0.0.1:${port}: `);
    expect(message).toContain('check whether this port expects TLS');
  });

  it('asks about TLS at a port without TLS', async () => {
    expect(await failAtNodes([redis.port], { tls: {} })).toContain(
      `gave a usable answer: 127.0.0.1:${redis.port}: connected, but the TLS handshake has not ended within 1000 ms; check whether this port expects TLS`,
    );
  });

  it('says so where the server is no Redis', async () => {
    const port = await listen((socket) =>
      socket.once('data', () => socket.end('HTTP/1.1 400\r\n')),
    );
    expect(await failAtNodes([port])).toContain(
      `gave a usable answer: 127.0.0.1:${port}: the answer is not in the protocol of Redis`,
    );
  });

  it.each([
    ['WRONGPASS', { username: 'unknown', password: 'pw' }],
    ['ERR This instance has cluster support disabled', {}],
  ])('names the node that answers with %s', async (reply, redisOptions) => {
    expect(await failAtNodes([redis.port], redisOptions)).toContain(
      `No node of the Cluster accepts the connection: 127.0.0.1:${redis.port}: ${reply}`,
    );
  });
});

async function failAtSentinels(ports: number[], options = {}): Promise<string> {
  const sentinels = ports.map((port) => ({ host: '127.0.0.1', port }));
  const { error, log } = await fail({ sentinels, name: 'main', ...options });
  await eventually(() => log.lines.some((line) => line.includes(`127.0.0.1:${ports[0]}: `)));
  return error.message;
}

describe('the error of sentinels of which none names the master', () => {
  const redis = useRedis();
  it('names each sentinel with its reason', async () => {
    const ports = [await freePort(), await freePort()].toSorted();
    const reasons = ports.map(
      (port) => `127.0.0.1:${port}: connect ECONNREFUSED 127.0.0.1:${port}`,
    );
    expect(await failAtSentinels(ports)).toBe(
      `Redis is unreachable: All sentinels are unreachable: ${reasons.join(', ')} (at the master "main" of the sentinels). Connection is closed.`,
    );
  });

  it.each([
    ['ERR unknown command', {}],
    ['WRONGPASS', { sentinelUsername: 'unknown', sentinelPassword: 'pw' }],
  ])('does not call a server unreachable that answers with %s', async (reply, options) => {
    expect(await failAtSentinels([redis.port], options)).toContain(
      `Cannot connect to Redis: no sentinel named the master "main": 127.0.0.1:${redis.port}: ${reply}`,
    );
  });

  it('asks about TLS at a port with TLS', async () => {
    expect(await failAtSentinels([await startTls()])).toContain(
      'check whether this port expects TLS',
    );
  });

  it('says so where a sentinel does not know the master', async () => {
    const set = await SentinelSet.start();
    closeAfterTest(() => set.stop());
    const { port } = set.sentinels[0]!;
    expect(await failAtSentinels([port], { name: 'other' })).toContain(
      `no sentinel named the master "other": 127.0.0.1:${port}: ERR No such master with that name`,
    );
  });
});

describe('a server without INFO', () => {
  it('is used without the check that needs it', async () => {
    const server = await listen((socket) => {
      // A server that knows nothing but what it is asked here.
      socket.on('data', (bytes) => {
        for (const [, name] of bytes.toString().matchAll(/\$\d+\r\n(HELLO|INFO|CLIENT)\r\n/gi)) {
          if (name === 'info' || name === 'INFO') {
            socket.write("-ERR unknown command 'info', with args beginning with: \r\n");
          } else socket.write('+OK\r\n');
        }
      });
    });
    const log = new CollectedLog();
    const broker = createTestBroker(plain(server), { log });
    const first: unknown = await broker.connect(0).catch((error: unknown) => error);
    expect(String(first)).toContain(
      'ERR unknown command \'info\'; for a server without INFO set "enableReadyCheck" of the connection to false',
    );
    await becomes(broker, 'connected');
  });
});

describe('the log of an outage', () => {
  const redis = useRedis();

  it('has the latest reason, and its end at the level of its beginning', async () => {
    const log = new CollectedLog();
    await redis.client.acl('SETUSER', 'rotated', 'on', '>first', '+@all', '&*');
    const login = { username: 'rotated', password: 'first' };
    const broker = createTestBroker(
      { ...plain(redis.port), ...login, retryStrategy: () => 20 },
      { log },
    );
    await broker.connect(10_000);
    expect(log.lines).toEqual([
      `log: Connected the publisher to 127.0.0.1:${redis.port} (database 0, a master)`,
    ]);
    await redis.client.acl('SETUSER', 'rotated', 'resetpass', '>second');
    await redis.killConnections();
    const lines = () => log.lines.filter((line) => line.includes('WRONGPASS'));
    await eventually(() => lines().length === 2);
    await redis.client.acl('SETUSER', 'rotated', '>first');
    await becomes(broker, 'connected');
    const back = log.lines.filter((line) => line.includes('connection is back'));
    expect(back.map((line) => line.split(':')[0])).toEqual(['warn', 'warn']);
    expect(lines()).toHaveLength(2);
  });
});

describe('a proxy that closes idle connections', () => {
  const redis = useRedis();
  const IDLE_TIMEOUT_MS = 200;

  const open = async (pingInterval: number) => {
    const port = await listen((client) => {
      const server = connect(redis.port, '127.0.0.1').on('error', () => client.destroy());
      client.pipe(server).pipe(client);
      client.on('close', () => server.destroy());
      client.setTimeout(IDLE_TIMEOUT_MS, () => client.destroy());
    });
    const log = new CollectedLog();
    const connection = { ...plain(port), retryStrategy: () => 10 };
    const broker = createTestBroker(connection, { log, pingInterval });
    await broker.connect(10_000);
    return log;
  };

  it('is named in the log, with what to set', async () => {
    const log = await open(10 * IDLE_TIMEOUT_MS);
    const lines = () =>
      log.lines.filter((line) => line.includes('set "pingInterval" (2000 ms) below'));
    await eventually(() => lines().length === 2);
    expect(lines().join()).toMatch(/The publisher connection to .* was closed 3 times/);
    expect(lines().join()).toMatch(/The subscriber connection to .* was closed 3 times/);
  });
});
