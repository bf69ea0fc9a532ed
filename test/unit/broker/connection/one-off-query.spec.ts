import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis, type RedisOptions } from 'ioredis';
import { afterEach, describe, expect, it } from 'vitest';
import { queryOnce, ONE_OFF_OPTIONS } from '../../../../src/broker/connection/one-off-query.js';

/** The delay of each answer of the server, and of its close. */
const ANSWER_DELAY_MS = 100;

describe('queryOnce', () => {
  let server: Server | undefined;
  let events: string[];
  afterEach(() => server?.close());

  /** A client of a server that closes its connections late. */
  async function createClient(
    onData: (socket: Socket, command: string) => unknown,
    timeouts: RedisOptions = {},
  ): Promise<Redis> {
    events = [];
    server = createServer({ allowHalfOpen: true }, (socket) => {
      socket.on('data', (command) => onData(socket, String(command)));
      socket.on('end', () => void delay(ANSWER_DELAY_MS).then(() => close(socket)));
      socket.on('error', () => undefined);
    }).listen();
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const handshake = { protocol: 2, disableClientInfo: true } as const;
    return new Redis({ port, ...ONE_OFF_OPTIONS, ...handshake, ...timeouts });
  }

  const answerLate = async (socket: Socket, command: string): Promise<void> => {
    await delay(ANSWER_DELAY_MS);
    if (/quit/i.test(command)) close(socket, '+OK\r\n');
    else socket.write('+PONG\r\n');
  };

  const close = (socket: Socket, goodbye = ''): void => {
    if (socket.writableEnded) return;
    events.push('the server has closed');
    socket.end(goodbye);
  };

  const query = (client: Redis, { signal } = new AbortController()): Promise<unknown> =>
    queryOnce(client, (redis) => redis.ping(), signal).finally(() =>
      events.push('asking has ended'),
    );

  it('resolves after the server has closed the connection', async () => {
    await expect(query(await createClient(answerLate))).resolves.toBe('PONG');
    expect(events).toEqual(['the server has closed', 'asking has ended']);
  });

  it('waits until the server has closed the connection when it is cancelled', async () => {
    const stopping = new AbortController();
    const asked = query(await createClient(answerLate), stopping);
    await once(server!, 'connection');
    stopping.abort();
    await asked;
    expect(events).toEqual(['the server has closed', 'asking has ended']);
  });

  it('rejects while the server loads its data', async () => {
    const client = await createClient((socket, command) => {
      if (/info/i.test(command)) socket.write('$29\r\nloading:1\r\nloading_eta_seconds:9\r\n');
      else socket.write('-LOADING Redis is loading the dataset in memory\r\n');
    });
    await expect(query(client)).rejects.toThrow('LOADING');
  });

  it('rejects before the command timeout when it is cancelled and the server is silent', async () => {
    const stopping = new AbortController();
    // Far longer than the limit of a cancelled query, on a busy machine, too.
    const timeouts = { connectTimeout: 20_000, commandTimeout: 20_000 };
    const client = await createClient(() => undefined, timeouts);
    const asked = query(client, stopping);
    await once(server!, 'connection');
    stopping.abort();
    const start = performance.now();
    await expect(asked).rejects.toThrow('the connection was closed before it was ready');
    expect(performance.now() - start).toBeLessThan(timeouts.commandTimeout);
    expect(client.status).toBe('end');
  });
});
