import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { vi } from 'vitest';
import { closeAfterTest } from '../../support/app.js';

/** A server of the test where another program listened; freed after the test, if not before. */
export interface TakenPort {
  free(): Promise<void>;
}

/** Resolves when the port of a program that has just been killed is taken by the test. */
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
