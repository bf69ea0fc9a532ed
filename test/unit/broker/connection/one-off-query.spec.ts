import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterEach, describe, expect, it } from 'vitest';
import { queryOnce, ONE_OFF_OPTIONS } from '../../../../src/broker/connection/one-off-query.js';

/** How long a server takes for whatever comes to it, in milliseconds. */
const SLOW = 100;

describe('ask', () => {
  let server: Server | undefined;
  let events: string[];
  afterEach(() => server?.close());

  /** A client of a server that does everything, late. */
  async function scoutAt(onData: (socket: Socket, command: string) => unknown): Promise<Redis> {
    events = [];
    server = createServer({ allowHalfOpen: true }, (socket) => {
      socket.on('data', (command) => onData(socket, String(command)));
      socket.on('end', () => void delay(SLOW).then(() => close(socket)));
      socket.on('error', () => undefined);
    }).listen();
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const handshake = { protocol: 2, disableClientInfo: true } as const;
    return new Redis({ port, ...ONE_OFF_OPTIONS, ...handshake });
  }

  const answerLate = async (socket: Socket, command: string): Promise<void> => {
    await delay(SLOW);
    if (/quit/i.test(command)) close(socket, '+OK\r\n');
    else socket.write('+PONG\r\n');
  };

  const close = (socket: Socket, goodbye = ''): void => {
    if (socket.writableEnded) return;
    events.push('the server has closed');
    socket.end(goodbye);
  };

  const asking = (scout: Redis, { signal } = new AbortController()): Promise<unknown> =>
    queryOnce(scout, (redis) => redis.ping(), signal).finally(() =>
      events.push('asking has ended'),
    );

  it('ends with an answer when the server has closed the connection', async () => {
    await expect(asking(await scoutAt(answerLate))).resolves.toBe('PONG');
    expect(events).toEqual(['the server has closed', 'asking has ended']);
  });

  it('ends early not before the server has closed the connection', async () => {
    const stopping = new AbortController();
    const asked = asking(await scoutAt(answerLate), stopping);
    await once(server!, 'connection');
    stopping.abort();
    await asked;
    expect(events).toEqual(['the server has closed', 'asking has ended']);
  });

  it('does not wait until a server has loaded its data', async () => {
    const scout = await scoutAt((socket, command) => {
      if (/info/i.test(command)) socket.write('$29\r\nloading:1\r\nloading_eta_seconds:9\r\n');
      else socket.write('-LOADING Redis is loading the dataset in memory\r\n');
    });
    await expect(asking(scout)).rejects.toThrow('LOADING');
  });

  it('does not wait for long for a server that answers nothing', async () => {
    const stopping = new AbortController();
    const scout = await scoutAt(() => undefined);
    const asked = asking(scout, stopping);
    await once(server!, 'connection');
    stopping.abort();
    const start = performance.now();
    await expect(asked).rejects.toThrow('Connection is closed');
    expect(performance.now() - start).toBeLessThan(ONE_OFF_OPTIONS.commandTimeout);
    expect(scout.status).toBe('end');
  });
});
