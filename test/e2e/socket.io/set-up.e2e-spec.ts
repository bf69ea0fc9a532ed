import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Module, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Server } from 'socket.io';
import { describe, expect, it } from 'vitest';
import {
  InvalidOptionError,
  RedisPubSubModule,
  Subscribe,
  type RedisPubSubModuleOptions,
} from 'nestjs-redis-pubsub';
import {
  createAdapter,
  RedisPubSubIoAdapter,
  type SocketIoAdapterOptions,
} from 'nestjs-redis-pubsub/socket.io';
import { InMemoryRedis } from 'nestjs-redis-pubsub/testing';
import { captureLog, closeAfterTest } from '../../support/app.js';
import { eventually } from '../../support/eventually.js';
import { useRedis } from '../../support/redis.js';
import { connectClient, startGateway } from './gateway-app.js';

const CHANNEL = '_pubsub.socketio.%.%2F';
const UID = '0123456789abcdef';
const redis = useRedis();

async function createApp(...modules: RedisPubSubModuleOptions[]) {
  captureLog();
  const imports = modules.map((options) => RedisPubSubModule.forRoot(options));
  const module = { module: class AppModule {}, imports };
  const app = await NestFactory.create(module, { logger: false, abortOnError: false });
  closeAfterTest(() => app.close());
  return app;
}

/** A server of Socket.IO without Nest's gateways. */
async function startServer(app: Parameters<typeof createAdapter>[0], options = {}) {
  const http = createServer();
  const io = new Server(http, { adapter: createAdapter(app), ...options });
  closeAfterTest(() => io.close());
  await new Promise<void>((resolve) => void http.listen(0, '127.0.0.1', resolve));
  return { io, url: `http://127.0.0.1:${(http.address() as AddressInfo).port}` };
}

describe('the adapter', () => {
  const refusals: [string, RedisPubSubModuleOptions[], SocketIoAdapterOptions, RegExp][] = [
    ['no module', [], {}, /has none: import RedisPubSubModule\.forRoot/],
    [
      'two modules',
      [{}, { transportId: Symbol('second') }],
      {},
      /has 2 RedisPubSubModules: name the "transportId"/,
    ],
    ['no module of an id', [{}], { transportId: 7 }, /has none with this "transportId"/],
    ['a wrong option', [{}], { onGap: 'tell' as never }, /Expected "onGap" to be/],
  ];

  it.each(refusals)('is refused with %s', async (_, modules, options, message) => {
    const app = await createApp(...modules.map((it) => ({ connection: redis.url, ...it })));
    expect(() => new RedisPubSubIoAdapter(app, options)).toThrow(InvalidOptionError);
    expect(() => createAdapter(app, options)).toThrow(message);
  });

  it('is refused without an application', () => {
    expect(() => createAdapter(undefined as never)).toThrow(
      'Expected "app" to be an application of Nest, got undefined',
    );
  });

  it('is refused with connectionStateRecovery, which Pub/Sub cannot do', async () => {
    const app = await createApp({ connection: redis.url });
    const options = { adapter: createAdapter(app), connectionStateRecovery: {} };
    expect(() => new Server(options)).toThrow(
      'Expected "connectionStateRecovery" to be absent: Redis Pub/Sub keeps no broadcasts for sockets that are away, got an object',
    );
  });

  it('uses the module with the transportId', async () => {
    const second = Symbol('second');
    const app = await createApp(
      { connection: redis.url, prefix: 'one:' },
      { connection: redis.url, prefix: 'two:', transportId: second },
    );
    app.useWebSocketAdapter(new RedisPubSubIoAdapter(app, { transportId: second }));
    await app.init();
    const io = new Server({ adapter: createAdapter(app, { transportId: second }) });
    closeAfterTest(async () => io.of('/').adapter.close());
    await redis.subscribers('_pubsub.socketio.two%3A.%2F', 1);
    expect(await redis.client.pubsub('NUMSUB', '_pubsub.socketio.one%3A.%2F')).toContain(0);
  });

  it('works for a server without gateways, in namespaces that are made as they are needed', async () => {
    const apps = [
      await createApp({ connection: redis.url }),
      await createApp({ connection: redis.url }),
    ];
    for (const app of apps) await app.init();
    const servers = await Promise.all(apps.map((app) => startServer(app)));
    for (const { io } of servers) io.of(/^\/shop-\d+$/);
    const clients = await Promise.all(servers.map(({ url }) => connectClient(`${url}/shop-1`)));
    const other = await connectClient(`${servers[1]?.url}/shop-2`);
    servers[0]?.io.of('/shop-1').emit('news', 1);
    for (const client of clients) await client.receives('news', 1);
    servers[0]?.io.of('/shop-2').emit('news', 2);
    await other.receives('news', 2);
    expect(other.events).toEqual([['news', 2]]);
  });

  it('is an emitter in a process without clients', async () => {
    const { connect } = await startGateway({ connection: redis.url });
    const client = await connect();
    const app = await createApp({ connection: redis.url });
    await app.init();
    const io = new Server({ adapter: createAdapter(app) });
    closeAfterTest(async () => io.of('/').adapter.close());
    await client.socket.emitWithAck('join', 'room.1');
    io.to('room.1').emit('news', 'from elsewhere');
    await client.receives('news', 'from elsewhere');
    expect(await io.fetchSockets()).toHaveLength(1);
  });

  it('lets sockets connect while Redis refuses the channel, and tells them when it is allowed', async () => {
    const memory = new InMemoryRedis();
    memory.refuse('SUBSCRIBE', CHANNEL);
    const one = await startGateway({ connection: memory, onStart: 'background' });
    const client = await one.connect();
    one.io.emit('local');
    await client.receives('local');
    expect(one.log.of('error').join()).toContain(CHANNEL);
    memory.restore();
    await eventually(() => client.events.some(([name]) => name === 'gap'));
  });

  it('keeps instances of another prefix apart', async () => {
    const one = await startGateway({ connection: redis.url, prefix: 'one:' });
    const two = await startGateway({ connection: redis.url, prefix: 'two:' });
    const client = await two.connect();
    one.io.emit('news', 1);
    two.io.emit('news', 2);
    await client.receives('news', 2);
    expect(client.events).toEqual([['news', 2]]);
    expect(await one.io.of('/').adapter.serverCount()).toBe(1);
  });

  it('serves several servers of one process, which share the subscription', async () => {
    const one = await startGateway({ connection: redis.url });
    const two = await startServer(one.app);
    const [ada, bob] = [await one.connect(), await connectClient(two.url)];
    one.io.emit('news', 1);
    await ada.receives('news', 1);
    await bob.receives('news', 1);
    expect(await one.io.fetchSockets()).toHaveLength(2);
    await two.io.close();
    one.io.emit('news', 2);
    await ada.receives('news', 2);
  });
});

describe('messages of the adapter', () => {
  it('reach no handler with a glob', async () => {
    const handled: string[] = [];
    class Everything {
      @Subscribe('*')
      handle(data: string) {
        handled.push(data);
      }
    }
    const pubsub = { connection: redis.url };
    @Module({ imports: [RedisPubSubModule.forRoot(pubsub)], providers: [Everything] })
    class HandlerModule {}
    const log = captureLog();
    const app = await NestFactory.createApplicationContext(HandlerModule as Type, { logger: log });
    closeAfterTest(() => app.close());
    const one = await startGateway(pubsub);
    const client = await one.connect();
    one.io.emit('news', 1);
    await client.receives('news', 1);
    await redis.client.publish('plain', '"end"');
    await eventually(() => handled.length > 0);
    expect(handled).toEqual(['end']);
  });

  it.each([
    ['no frame', 'hello'],
    ['JSON that is no message', `${UID}[]`],
    ['a broadcast without data', `${UID}{"type":3}`],
    ['a broadcast without a packet', `${UID}{"type":3,"data":{"opts":{"rooms":[]}}}`],
    ['rooms that are none', `${UID}{"type":3,"data":{"packet":{},"opts":{"rooms":7}}}`],
    ['a question without options', `${UID}{"type":7,"data":{"requestId":"a"}}`],
    ['an answer to no question', `${UID}{"type":8,"data":{"requestId":"a","sockets":7}}`],
    ['an answer without data', `${UID}{"type":12}`],
    ['lost broadcasts at no time', `${UID}{"type":100,"data":{"rooms":7}}`],
    ['a type that is none', `${UID}{"type":99}`],
  ])('of strangers do no harm: %s', async (_, text) => {
    const one = await startGateway({ connection: redis.url });
    const client = await one.connect();
    expect(await redis.client.publish(CHANNEL, text)).toBe(1);
    one.io.emit('after');
    await client.receives('after');
    await redis.client.publish(CHANNEL, `${UID}{"type":9,"data":{"packet":["x"]}}`);
    expect(client.events).toEqual([['after']]);
  });

  it('are dropped, with a log line, when they cannot be read', async () => {
    const one = await startGateway({ connection: redis.url });
    await redis.client.publish(CHANNEL, 'secret text');
    await eventually(() => one.log.of('error').length > 0);
    expect(one.log.of('error')[0]).toMatch(/^Dropped a message on "_pubsub\.socketio\.%\.%2F": /);
    expect(one.log.of('error').join()).not.toContain('secret');
  });

  it('that make a listener throw are logged, and the next ones arrive', async () => {
    const [one, two] = [
      await startGateway({ connection: redis.url }),
      await startGateway({ connection: redis.url }),
    ];
    const client = await two.connect();
    two.io.on('tell', () => {
      throw new Error('a broken listener');
    });
    one.io.serverSideEmit('tell');
    one.io.emit('after');
    await client.receives('after');
    expect(two.log.of('error')[0]).toMatch(
      /^A message of another server of the Socket\.IO namespace "\/" failed: Error: a broken listener/,
    );
  });

  it('that cannot be sent throw where Socket.IO throws, and are logged where it does not', async () => {
    const one = await startGateway({ connection: redis.url, maxPayloadBytes: 1_000 });
    const client = await one.connect();
    expect(() => one.io.emit('number', 1n)).toThrow('BigInt');
    one.io.emit('long', 'x'.repeat(2_000));
    await client.receives('long', 'x'.repeat(2_000));
    one.io.serverSideEmit('number', 1n);
    const lines = one.log.of('error');
    expect(lines[0]).toMatch(
      /^A message to the other servers of the Socket\.IO namespace "\/" failed: it cannot be encoded: .*BigInt/,
    );
    expect(lines[1]).toMatch(/failed: it has \d+ bytes, more than maxPayloadBytes \(1000\)$/);
    expect(lines[2]).toMatch(/it cannot be encoded/);
  });
});
