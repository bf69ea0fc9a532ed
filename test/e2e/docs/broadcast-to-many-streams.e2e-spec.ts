import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import type { INestApplication, Type } from '@nestjs/common';
import { RedisPubSubService } from 'nestjs-redis-pubsub';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { closeAfterTest } from '../../support/app.js';
import { openStream, reloads } from '../../support/event-stream.js';
import { loadRecipe, sendJson, startPageApp } from '../../support/page-app.js';
import { eventually, useRedis } from '../../support/redis.js';

const PATH = '/scores/stream';
/** As the page has it. */
const MAX_PENDING_BYTES = 262_144;

/** A connection of a client that chooses what it sends, and when it reads. */
async function openSocket(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  closeAfterTest(async () => void socket.destroy());
  await once(socket, 'connect');
  return socket;
}

const request = `GET ${PATH} HTTP/1.1\r\nHost: localhost\r\n\r\n`;

const setScore = (url: string, game: string, score: string) =>
  sendJson(`${url}/scores/${game}`, 'PUT', { score });

const serverOf = (app: INestApplication) => app.getHttpServer() as Server;

/** The sockets of the server from now on. */
function watchSockets(app: INestApplication): ReadonlySet<Socket> {
  const sockets = new Set<Socket>();
  serverOf(app).on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  return sockets;
}

describe('recipes/broadcast-to-many-streams', () => {
  const redis = useRedis();
  let AppModule: Type;
  let EventStreams: Type<{ add(response: ServerResponse): void }>;
  beforeAll(async () => {
    const page = loadRecipe('broadcast-to-many-streams', redis.url);
    ({ AppModule } = await page.import<{ AppModule: Type }>('src/app.module.ts'));
    ({ EventStreams } = await page.import<{ EventStreams: typeof EventStreams }>(
      'src/event-streams.ts',
    ));
  });

  it('sends "reload" first, then each event of any instance to all streams', async () => {
    const [one, other] = [await startPageApp(AppModule), await startPageApp(AppModule)];
    const streams = [await openStream(one.url + PATH), await openStream(one.url + PATH)];
    await eventually(() => streams.every((stream) => reloads(stream) > 0));
    await setScore(other.url, 'final', '2:1');
    const event = 'event: score\ndata: {"game":"final","score":"2:1"}\n\n';
    for (const { text } of streams) expect(text).toMatch(/^retry: [1-5]\d{3}\nevent: reload\n/);
    await eventually(() => streams.every(({ text }) => text.endsWith(event)));
  });

  it('sends neither chunks nor a length', async () => {
    const { url } = await startPageApp(AppModule);
    const { headers } = (await openStream(url + PATH)).response;
    expect(headers.get('content-type')).toBe('text/event-stream');
    expect(headers.get('connection')).toBe('close');
    expect(headers.has('transfer-encoding')).toBe(false);
    expect(headers.has('content-length')).toBe(false);
  });

  it('sends "reload" again after an outage; the list then has what was published in it', async () => {
    const { url } = await startPageApp(AppModule);
    const stream = await openStream(url + PATH);
    await setScore(url, 'final', '0:0');
    await eventually(() => stream.text.includes('0:0'));
    const before = reloads(stream);
    await redis.stop();
    expect((await setScore(url, 'final', '1:0')).status).toBe(200);
    await redis.start();
    await eventually(() => reloads(stream) === before + 1);
    expect(await (await fetch(`${url}/scores`)).json()).toEqual({ final: '1:0' });
  });

  it('writes events that arrive at once together, in their order', async () => {
    const { app, url } = await startPageApp(AppModule);
    const sockets = watchSockets(app);
    const stream = await openStream(url + PATH);
    const write = vi.spyOn([...sockets][0] as Socket, 'write');
    const numbers = Array.from({ length: 100 }, (_, i) => i);
    const pubsub = app.get(RedisPubSubService);
    await Promise.all(numbers.map((number) => pubsub.publish('scores', number)));
    // A busy process may send "reload" behind it.
    await eventually(() => stream.text.includes('data: 99\n\n'));
    const received = [...stream.text.matchAll(/data: (\d+)/g)].map(([, number]) => Number(number));
    expect(received).toEqual(numbers);
    expect(write.mock.calls.length).toBeLessThan(numbers.length);
  });

  it('closes the stream of a client that does not read, with a bounded backlog; others get all', async () => {
    const { app, url } = await startPageApp(AppModule);
    const sockets = watchSockets(app);
    const stalled = (await openSocket(url)).pause();
    stalled.write(request);
    await eventually(() => sockets.size === 1);
    const ofStalled = [...sockets][0] as Socket;
    const reader = await openStream(url + PATH);
    const size = 65_536;
    let count = 0;
    let backlog = 0;
    while (!ofStalled.destroyed) {
      await app.get(RedisPubSubService).publish('scores', `${count}:${'x'.repeat(size)}`);
      count += 1;
      await eventually(() => reader.text.length > count * size);
      backlog = Math.max(backlog, ofStalled.writableLength);
      expect(backlog).toBeLessThan(MAX_PENDING_BYTES + 2 * size);
    }
    expect(backlog).toBeGreaterThan(MAX_PENDING_BYTES);
    const order = [...reader.text.matchAll(/data: "(\d+):/g)].map(([, n]) => Number(n));
    expect(order).toEqual(Array.from({ length: count }, (_, i) => i));
  });

  it('forgets a client that leaves', async () => {
    const { app, url } = await startPageApp(AppModule);
    const written = Reflect.get(app.get(EventStreams), 'sockets') as ReadonlySet<Socket>;
    const [leaving, staying] = [await openStream(url + PATH), await openStream(url + PATH)];
    expect(written.size).toBe(2);
    leaving.close();
    await eventually(() => written.size === 1);
    await app.get(RedisPubSubService).publish('scores', 'Hello');
    await eventually(() => staying.text.includes('Hello'));
  });

  it('ends the streams when the instance stops', async () => {
    const { app, url } = await startPageApp(AppModule);
    const sockets = watchSockets(app);
    const stream = await openStream(url + PATH);
    await eventually(() => reloads(stream) > 0);
    expect(stream.hasEnded).toBe(false);
    const [socket] = sockets;
    await app.close();
    await eventually(() => stream.hasEnded);
    // Not destroyed by Nest only.
    expect(socket?.writableEnded).toBe(true);
  });

  it('takes no stream after that, which nothing would end', async () => {
    const { app } = await startPageApp(AppModule);
    const streams = app.get(EventStreams);
    await app.close();
    const server = createServer((_, response) => streams.add(response)).listen(0, '127.0.0.1');
    closeAfterTest(async () => void server.close());
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    await expect(fetch(`http://127.0.0.1:${port}`)).rejects.toThrow('fetch failed');
  });

  it('leaves a stream alone when its client asks for another on the same connection', async () => {
    const { app, url } = await startPageApp(AppModule);
    const socket = (await openSocket(url)).setEncoding('utf8');
    let text = '';
    socket.on('data', (chunk: string) => (text += chunk));
    socket.write(request + request);
    await eventually(() => text.includes('event: reload'));
    await app.get(RedisPubSubService).publish('scores', 'Hello');
    await eventually(() => text.includes('event: score\ndata: "Hello"\n\n'));
    expect(text.split('HTTP/1.1 200').length).toBe(2);
  });
});
