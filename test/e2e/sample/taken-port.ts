import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { vi } from 'vitest';
import { closeAfterTest } from '../../support/app.js';

/** A server of the test on the port of another program; closed after the test, if not before. */
export interface TakenPort {
  free(): Promise<void>;
}

/** Resolves when the test listens on the port of a program that was killed. */
export async function takePort(port: number, host?: string): Promise<TakenPort> {
  const server = await vi.waitFor(() => listen(port, host), { timeout: 5_000, interval: 5 });
  const free = async (): Promise<void> => {
    if (!server.listening) return;
    server.close();
    await once(server, 'close');
  };
  closeAfterTest(free);
  return { free };
}

async function listen(port: number, host?: string): Promise<Server> {
  const server = createServer((socket) => socket.destroy());
  server.listen({ port, host });
  await once(server, 'listening');
  return server;
}
