import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ConnectionError, type RedisConnection } from 'nestjs-redis-pubsub';
import type { RedisBroker } from '../../src/broker/redis-broker.js';
import { choosePort } from '../../sample/support/server-port.js';
import { closeAfterTest } from '../support/app.js';
import { eventually, useRedis } from '../support/redis.js';
import { brokerSuite } from './broker.suite.js';
import { createBroker } from './test-broker.js';

const folder = mkdtempSync(join(tmpdir(), 'redis-tls-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A self-signed certificate for the local address. */
function makeCertificate(): { key: string; cert: string } {
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  execFileSync(
    'openssl',
    `req -x509 -newkey rsa:2048 -nodes -days 1 -keyout ${key} -out ${cert}
     -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1`.split(/\s+/),
    { stdio: 'ignore' },
  );
  return { key, cert };
}

const { key, cert } = makeCertificate();
let port = 0;
const redis = useRedis(() => {
  port = choosePort();
  return `--tls-port ${port} --tls-auth-clients no
    --tls-key-file ${key} --tls-cert-file ${cert} --tls-ca-cert-file ${cert}`.split(/\s+/);
});
const ca = readFileSync(cert);

brokerSuite('a broker over TLS', {
  create: () => createBroker({ host: '127.0.0.1', port, tls: { ca } }),
  features: { redis },
});

const untrusting = (connection: RedisConnection): RedisBroker => {
  const made = createBroker(connection);
  closeAfterTest(() => made.close());
  return made;
};

describe('a server whose certificate is not trusted', () => {
  it('rejects connect with ConnectionError', async () => {
    const connected = untrusting(`rediss://127.0.0.1:${port}`).connect(0);
    await expect(connected).rejects.toBeInstanceOf(ConnectionError);
  });

  it('does not end the process with a TLS alert after the connection was closed', async () => {
    const broker = untrusting({ port, tls: {}, retryStrategy: () => 1_000_000 });
    await expect(broker.connect(0)).rejects.toBeInstanceOf(ConnectionError);
    const clients = broker.clients();
    await eventually(() => clients.every(({ status }) => status === 'reconnecting'));
    // Node emits a late TLS alert as a second error of the stream, for which ioredis does not listen.
    const listeners = clients.map(({ stream }) => stream.listenerCount('error'));
    expect(Math.min(...listeners)).toBeGreaterThan(0);
  });
});

describe('a client without TLS at a port with TLS', () => {
  it('rejects connect with the reason: the connection was closed', async () => {
    const connected = untrusting({ host: '127.0.0.1', port }).connect(0);
    await expect(connected).rejects.toThrow(
      /^Redis is unreachable: (\w+ (ECONNRESET|EPIPE)|the connection was closed before it was ready): connected, and closed without an answer; check whether this port expects TLS/,
    );
  });
});
