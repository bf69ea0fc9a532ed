import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { promisify } from 'node:util';
import { expect } from 'vitest';
import { closeAfterTest } from '../../support/app.js';
import { eventually } from '../../support/redis.js';

/** Connections to a service, by way of the test, which counts them. */
export interface CountedConnections {
  readonly url: string;
  /** Resolves when the other side has so many open. */
  reach(count: number): Promise<void>;
}

/** Leads to a port of this machine; closed after the test. */
export async function countConnections(target: string): Promise<CountedConnections> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const service = connect(Number(port), hostname);
    for (const [socket, other] of [
      [client, service],
      [service, client],
    ] as const) {
      sockets.add(socket);
      // A reset is an end like any other here, and 'close' follows it.
      socket.on('error', () => undefined).pipe(other);
      socket.on('close', () => other.destroy());
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closeAfterTest(async () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const counted = promisify(server.getConnections.bind(server));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    reach: (count) =>
      eventually(async () => {
        // What it throws says how many there were.
        expect(await counted()).toBe(count);
        return true;
      }),
  };
}
