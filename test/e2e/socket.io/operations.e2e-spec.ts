import { describe, expect, it } from 'vitest';
import { useRedis } from '../../support/redis.js';
import { eventually } from '../../support/eventually.js';
import { HAS_SHARDED } from '../../support/sharded.js';
import { startGateway } from './gateway-app.js';

const FORMS = {
  'with one channel for a namespace': {},
  'with channels for rooms': { roomChannels: (room: string) => room.startsWith('room') },
  ...(HAS_SHARDED && { 'with shard channels': { sharded: true, roomChannels: () => true } }),
};

describe.each(Object.entries(FORMS))('two instances, %s,', (_, options) => {
  const redis = useRedis();

  /** Two instances with a client each, and the server side of both. */
  async function startTwo() {
    const one = await startGateway({ connection: redis.url }, options);
    const two = await startGateway({ connection: redis.url }, options);
    const [ada, bob] = [await one.connect(), await two.connect()];
    // The heartbeat of the second one may still be on its way to the first one.
    await eventually(async () => (await one.io.of('/').adapter.serverCount()) === 2);
    return { one, two, ada, bob };
  }

  it('broadcast to all sockets, in their order, and to those of other instances alone', async () => {
    const { one, two, ada, bob } = await startTwo();
    for (let i = 0; i < 20; i++) one.io.emit('news', i, 'ä', { list: [true, null] });
    ada.socket.emit('say', 'hello');
    await bob.receives('said', 'hello');
    two.io.emit('end');
    await ada.receives('end');
    const news = Array.from({ length: 20 }, (_, i) => ['news', i, 'ä', { list: [true, null] }]);
    expect(ada.events).toEqual([...news, ['end']]);
    expect(bob.events).toEqual([...news, ['said', 'hello'], ['end']]);
  });

  it('broadcast to rooms, to one socket, and to all except a room', async () => {
    const { one, two, ada, bob } = await startTwo();
    await bob.socket.emitWithAck('join', 'room.1');
    one.io.to('room.1').emit('in room');
    one.io.to(['room.1', 'room.2']).emit('in either room');
    one.io.to(bob.socket.id ?? '').emit('to you');
    one.io.except('room.1').emit('not in room');
    two.io.local.emit('local');
    one.io.emit('end');
    await bob.receives('end');
    await ada.receives('end');
    const names = ['in room', 'in either room', 'to you', 'local', 'end'];
    // Room channels are other channels: the order holds within one.
    expect(bob.events.flat().toSorted()).toEqual(names.toSorted());
    expect(ada.events.flat()).toEqual(['not in room', 'end']);
  });

  it('carry bytes of any kind, and data that looks like a frame', async () => {
    const { one, ada, bob } = await startTwo();
    const bytes = Buffer.from([0, 1, 255]);
    const data = {
      bytes,
      view: new Uint16Array([1, 2]),
      text: '\0',
      nested: [[{ bytes }]],
      n: null,
    };
    one.io.emit('bytes', data, bytes, { _placeholder: true, num: 0, __proto__: null });
    for (const client of [ada, bob]) await eventually(() => client.events.length === 1);
    expect(bob.events).toEqual(ada.events);
    expect(bob.events[0]?.slice(0, 3)).toEqual([
      'bytes',
      { bytes, view: Buffer.from([1, 0, 2, 0]), text: '\0', nested: [[{ bytes }]], n: null },
      bytes,
    ]);
  });

  it('move sockets into rooms, out of them, and disconnect them', async () => {
    const { one, two, ada, bob } = await startTwo();
    one.io.in(bob.socket.id ?? '').socketsJoin('room.moved');
    await eventually(() => two.io.of('/').adapter.rooms.has('room.moved'));
    await eventually(async () => (await one.io.in('room.moved').fetchSockets()).length === 1);
    await eventually(() => {
      one.io.to('room.moved').emit('moved');
      return bob.events.length > 0;
    });
    one.io.in('room.moved').socketsLeave('room.moved');
    await eventually(() => !two.io.of('/').adapter.rooms.has('room.moved'));
    one.io.in(bob.socket.id ?? '').disconnectSockets(true);
    await eventually(() => bob.socket.disconnected);
    expect(ada.socket.connected).toBe(true);
    expect(ada.events).toEqual([]);
  });

  it('find the sockets of both, with their data', async () => {
    const { one, two, ada, bob } = await startTwo();
    const [socket] = two.io.of('/').sockets.values();
    Object.assign(socket?.data as object, { name: 'Bob', photo: Buffer.from([1]) });
    const sockets = await one.io.fetchSockets();
    expect(sockets.map(({ id }) => id).toSorted()).toEqual(
      [ada.socket.id, bob.socket.id].toSorted(),
    );
    const found = sockets.find(({ id }) => id === bob.socket.id);
    expect(found?.data).toEqual({ name: 'Bob', photo: Buffer.from([1]) });
    expect(found?.handshake.query).toEqual(socket?.handshake.query);
    expect(await one.io.local.fetchSockets()).toHaveLength(1);
  });

  it('collect the acknowledgements of all clients', async () => {
    const { one, ada, bob } = await startTwo();
    ada.socket.on('ask', (answer: (it: unknown) => void) => answer('Ada'));
    bob.socket.on('ask', (answer: (it: unknown) => void) => answer(Buffer.from('Bob')));
    const answers = (await one.io.timeout(20_000).emitWithAck('ask')) as unknown[];
    expect(answers.map(String).toSorted()).toEqual(['Ada', 'Bob']);
  });

  it('send events to each other, and collect the answers', async () => {
    const { one, two } = await startTwo();
    const received: unknown[] = [];
    two.io.on('tell', (...args: unknown[]) => received.push(args));
    two.io.on('ask', (text: string, answer: (it: unknown) => void) => answer(`${text}!`));
    one.io.serverSideEmit('tell', 1, Buffer.from([2]));
    expect(await one.io.serverSideEmitWithAck('ask', 'really')).toEqual(['really!']);
    await eventually(() => received.length === 1);
    expect(received).toEqual([[1, Buffer.from([2])]]);
  });

  it('forget an instance that has closed', async () => {
    const { one, two } = await startTwo();
    expect(await one.io.of('/').adapter.serverCount()).toBe(2);
    await two.app.close();
    await eventually(async () => (await one.io.of('/').adapter.serverCount()) === 1);
    expect(await one.io.fetchSockets()).toHaveLength(1);
    expect(await one.io.serverSideEmitWithAck('ask')).toEqual([]);
  });

  it('leave nothing at Redis when they close', async () => {
    const { one, two, ada } = await startTwo();
    await ada.socket.emitWithAck('join', 'room.1');
    const channel = '_pubsub.socketio.%.%2F';
    if (!('sharded' in options)) await redis.subscribers(channel, 2);
    await one.app.close();
    await two.app.close();
    if (!('sharded' in options)) await redis.subscribers(channel, 0);
    expect([...one.log.of('error'), ...two.log.of('error')]).toEqual([]);
  });
});
