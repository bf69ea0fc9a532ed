import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startPrivateRedis } from '../../sample/support/private-redis.js';
import { RedisProcess } from '../../sample/support/redis-process.js';
import { choosePort } from '../../sample/support/server-port.js';
import { closeAfterTest } from '../support/app.js';
import { startNode } from '../support/cluster.js';
import { startDataNode, startSentinel } from '../support/sentinel.js';
import { startProxy } from '../support/tcp-proxy.js';

/** Linux takes the ports of outgoing connections from here on. */
const FIRST_EPHEMERAL_PORT = 32_768;
const BUS_PORT_OFFSET = 10_000;

/** Listens on a port; resolves to a function that closes it, which also happens after the test. */
async function take(port: number): Promise<() => Promise<void>> {
  const server = createServer((socket) => socket.destroy()).listen(port, '127.0.0.1');
  await once(server, 'listening');
  const free = async (): Promise<void> => {
    if (!server.listening) return;
    server.close();
    await once(server, 'close');
  };
  closeAfterTest(free);
  return free;
}

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'servers-'));
  closeAfterTest(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Each kind of server of the tests, and the offset of a second port that it needs. */
const KINDS = [
  ['a private Redis', 0, () => startPrivateRedis()],
  ['a data node of a Sentinel set', 0, async () => startDataNode(await temporaryFolder(), [])],
  ['a sentinel', 0, async () => startSentinel(await temporaryFolder(), choosePort())],
  ['a Cluster node', 0, async () => startNode(await temporaryFolder())],
  [
    'a Cluster node at its bus port',
    BUS_PORT_OFFSET,
    async () => startNode(await temporaryFolder()),
  ],
] as const;

describe('the servers of the tests', () => {
  it.each(KINDS)('start %s at another port if its own is in use', async (_, offset, start) => {
    // The next one is for the sentinel's master.
    const taken = choosePort() + 1;
    await take(taken + offset);
    await take(taken + 1 + offset);
    const server = await start();
    closeAfterTest(() => server.stop());
    expect(server.port).not.toBe(taken);
    expect(server.port).not.toBe(taken + 1);
  });

  it('use ports that no outgoing connection gets, and so do their cluster buses', () => {
    const ports = Array.from({ length: 1_000 }, () => choosePort());
    expect(Math.max(...ports) + BUS_PORT_OFFSET).toBeLessThan(FIRST_EPHEMERAL_PORT);
    expect(new Set(ports).size).toBe(ports.length);
  });

  it('reject a start with the output of the server when it exits', async () => {
    const started = RedisProcess.start(['--no-such-option', 'yes']);
    await expect(started).rejects.toThrow(/exited with code 1\n[^]*no-such-option/);
  });

  it('reject a restart with the reason while another program has the port, and then restart', async () => {
    const redis = await startPrivateRedis();
    closeAfterTest(() => redis.stop());
    await redis.stop();
    const free = await take(redis.port);
    await expect(redis.start()).rejects.toThrow(/address already in use/i);
    await free();
    await redis.start();
    expect(redis.pid).toBeGreaterThan(0);
  });

  it('put a proxy at a port that it gets again', async () => {
    const proxy = await startProxy(choosePort());
    const { port } = proxy;
    expect(port).toBeLessThan(FIRST_EPHEMERAL_PORT);
    await proxy.stop();
    await proxy.start();
    expect(proxy.port).toBe(port);
  });
});
