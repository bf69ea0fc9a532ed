import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { io } from 'socket.io-client';
import { describe, expect, it } from 'vitest';
import { closeAfterTest } from '../../support/app.js';
import { eventually } from '../../support/eventually.js';
import { ChatUser, signIn, type ChatUserOptions } from './chat-user.js';
import { SESSION_SECRET, signToken } from './session-tokens.js';
import { useChat } from './use-chat.js';

const LIMIT = 20;
const chat = useChat();

const start = (id: string, options: ChatUserOptions = {}) => ChatUser.start(id, chat.urls, options);
const stored = async (room = 'lobby') => (await chat.stored(room)).map(({ text }) => text);

const numbers = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i);

/** Says one text after the other, until it is stopped; resolves to the texts that were stored. */
function talk(user: ChatUser): { stop(): Promise<string[]> } {
  const stopping = new AbortController();
  const run = async (): Promise<string[]> => {
    const said: string[] = [];
    for (let i = 0; !stopping.signal.aborted; i++) {
      const text = `${user.id} ${i}`;
      await user.say(text);
      said.push(text);
      await delay(10);
    }
    return said;
  };
  const running = run();
  return {
    stop: () => {
      stopping.abort();
      return running;
    },
  };
}

/** Whether a user was told that the node has lost Redis. */
const isInterrupted = ({ events }: ChatUser) =>
  events.some(({ name, data }) => name === 'status' && !(data as { isLive: boolean }).isLive);

/** Resolves when the users have what Redis stores, in this order and each message once. */
async function haveAll(users: readonly ChatUser[], room = 'lobby'): Promise<void> {
  const expected = await stored(room);
  await eventually(
    () => users.every(({ texts }) => texts.length >= expected.length),
    () => `${users.map(({ texts }) => texts.length).join()} of ${expected.length} messages`,
  );
  for (const user of users) expect(user.texts).toEqual(expected);
}

describe('a room', () => {
  it('has the same messages in the same order at both nodes', async () => {
    const [alice, bob] = [await start('alice'), await start('bob', { node: 1 })];
    const ids = await Promise.all(
      Array.from({ length: 50 }, (_, i) =>
        [alice, bob].map((it) => it.say(`${it.id} ${i}`)),
      ).flat(),
    );
    expect(ids.toSorted((one, other) => one - other)).toEqual(ids.map((_, i) => i + 1));
    await haveAll([alice, bob]);
  });

  it('stores a message that is sent again once', async () => {
    const [alice, bob] = [await start('alice'), await start('bob', { node: 1 })];
    const key = randomUUID();
    const ids = await Promise.all([alice.say('Once', key), alice.say('Once', key)]);
    expect(ids).toEqual([1, 1]);
    // The key is that of the author alone.
    expect(await bob.say('Mine', key)).toBe(2);
    expect(await stored()).toEqual(['Once', 'Mine']);
    await haveAll([alice, bob]);
  });

  it('is read page by page, in both directions', async () => {
    const alice = await start('alice');
    for (let i = 1; i <= 120; i++) await alice.say(`${i}`);
    const read = async (range: object) => {
      const found = await alice.ask<{ id: number }[]>('history', { room: 'lobby', ...range });
      return found.map(({ id }) => id);
    };
    expect(await read({})).toEqual(numbers(71, 120));
    expect(await read({ before: 71 })).toEqual(numbers(21, 70));
    expect(await read({ before: 21 })).toEqual(numbers(1, 20));
    expect(await read({ before: 1 })).toEqual([]);
    expect(await read({ after: 0 })).toEqual(numbers(1, 50));
    expect(await read({ after: 118 })).toEqual([119, 120]);
    expect(await read({ after: 120 })).toEqual([]);
  });

  it('passes on who types, and keeps nothing of it', async () => {
    const [alice, bob] = [await start('alice'), await start('bob', { node: 1 })];
    for (let i = 0; i < 5; i++) bob.emit('typing', { room: 'lobby' });
    bob.emit('typing', { room: 'ideas' });
    await bob.say('Done');
    await haveAll([alice]);
    // The node passes on one of them, of the open room, and none to the user who types.
    expect(alice.typing).toEqual(['bob']);
    expect(bob.typing).toEqual([]);
    const keys = await chat.redis.keys('chat:*typing*');
    expect(keys).toEqual([]);
  });

  it('tells the other tabs of a user what was read, and moves a mark forward only', async () => {
    const [first, second] = [await start('alice'), await start('alice', { node: 1 })];
    await first.say('One');
    await first.say('Two');
    await first.ask('read', { room: 'lobby', id: 2 });
    await first.ask('read', { room: 'lobby', id: 1 });
    await eventually(() => second.events.some(({ name }) => name === 'read'));
    const reads = second.events.filter(({ name }) => name === 'read').map(({ data }) => data);
    expect(reads).toEqual([{ lobby: 2 }]);
    const rooms = await second.ask<{ id: string; newest: number; read: number }[]>('rooms');
    expect(rooms[0]).toMatchObject({ id: 'lobby', newest: 2, read: 2 });
  });
});

describe('a user', () => {
  it('needs a session', async () => {
    const refused = (auth: object) =>
      new Promise<unknown>((resolve) => {
        const socket = io(chat.urls[0] ?? '', { auth, transports: ['websocket'], forceNew: true });
        closeAfterTest(async () => socket.disconnect());
        socket.on('connect_error', (error) => resolve((error as { data?: unknown }).data));
        socket.on('connect', () => resolve('connected'));
      });
    const token = await signIn(chat.urls[0] ?? '', 'alice');
    const [header, body] = token.split('.');
    for (const auth of [{}, { token: 1 }, { token: '' }, { token: `${header}.${body}.x` }]) {
      expect(await refused(auth)).toEqual({ code: 'signed-out' });
    }
    expect(await refused({ token })).toBe('connected');
  });

  it('reads and writes only rooms that they may', async () => {
    const carol = await start('carol');
    const rooms = await carol.ask<{ id: string }[]>('rooms');
    expect(rooms.map(({ id }) => id)).toEqual(['lobby', 'ideas']);
    const room = 'on-call';
    const code = 'no-such-room';
    for (const request of [
      carol.request('open', { room }),
      carol.request('history', { room }),
      carol.request('say', { room, text: 'Hi', key: randomUUID() }),
      carol.request('read', { room, id: 1 }),
      carol.request('history', { room: 'none' }),
    ]) {
      expect(await request).toMatchObject({ error: { code } });
    }
    const alice = await start('alice', { room });
    await alice.say('For members');
    expect(carol.events.filter(({ name }) => name === 'message' || name === 'news')).toEqual([]);
    expect(alice.present).toEqual(new Set(['alice']));
  });

  it.each([
    ['an empty text', 'say', { text: '', key: randomUUID() }, /text/],
    ['a text that cannot be seen', 'say', { text: ' \n ', key: randomUUID() }, /text/],
    ['a long text', 'say', { text: 'x'.repeat(2_001), key: randomUUID() }, /text/],
    ['a text that is none', 'say', { text: { a: 1 }, key: randomUUID() }, /text/],
    ['a key that is none', 'say', { text: 'Hi', key: 'key' }, /key/],
    ['a list of rooms', 'say', { room: ['lobby'], text: 'Hi', key: randomUUID() }, /room/],
    ['a negative id', 'history', { after: -1 }, /after/],
    ['an id that is none', 'history', { before: '(1' }, /before/],
    ['half an id', 'read', { id: 1.5 }, /id/],
    ['no room', 'open', { room: undefined }, /room/],
  ])('gets the reason why %s is refused', async (_, name, body, reason) => {
    const alice = await start('alice');
    const message = expect.stringMatching(reason) as string;
    const expected = { error: { code: 'invalid', message } };
    expect(await alice.request(name, { room: 'lobby', ...body })).toEqual(expected);
    expect(await stored()).toEqual([]);
  });

  it('gets an answer to a request without a body', async () => {
    const alice = await start('alice');
    expect(await alice.request('open')).toMatchObject({ error: { code: 'invalid' } });
  });
});

describe('presence', () => {
  it('has a user with several tabs once, and has who is in the room only', async () => {
    const [first, second] = [await start('alice'), await start('alice', { node: 1 })];
    const bob = await start('bob', { node: 1 });
    await start('carol', { room: 'ideas' });
    for (const user of [first, second, bob]) {
      await eventually(() => user.present.size === 2);
      expect(user.present).toEqual(new Set(['alice', 'bob']));
    }
    // One entry for a user and node, of those who are present.
    expect(await chat.redis.zcard('chat:room:{lobby}:present')).toBe(3);
    second.close();
    await eventually(async () => (await chat.redis.zcard('chat:room:{lobby}:present')) === 2);
    expect(bob.present).toEqual(new Set(['alice', 'bob']));
    first.close();
    await eventually(() => bob.present.size === 1);
  });

  it('costs Redis nothing for a room that no user has open', async () => {
    const alice = await start('alice');
    alice.close();
    await eventually(async () => (await chat.redis.exists('chat:room:{lobby}:present')) === 0);
    const subscribed = () => chat.redis.pubsub('CHANNELS', 'chat:room.*') as Promise<string[]>;
    await eventually(async () => (await subscribed()).length === 0);
    expect(await chat.redis.keys('chat:*')).toEqual([]);
  });
});

describe('a node that is killed', () => {
  it('costs no message, and its users are gone if they do not come back', async () => {
    const alice = await start('alice', { node: 0 });
    const bob = await start('bob', { node: 1 });
    // Both of its nodes are the one that is killed, so that it comes back only after the restart.
    const [first = ''] = chat.urls;
    const carol = await ChatUser.start('carol', [first]);
    await eventually(() => bob.present.size === 3);
    const [aliceTalks, bobTalks] = [talk(alice), talk(bob)];
    await eventually(() => bob.messages.length > 20);
    await chat.killNode('node-1');
    carol.close();
    await eventually(() => alice.connections === 2);
    const before = bob.messages.length;
    await eventually(() => bob.messages.length > before + 20);
    const said = await Promise.all([aliceTalks.stop(), bobTalks.stop()]);
    await haveAll([alice, bob]);
    expect((await stored()).toSorted()).toEqual(said.flat().toSorted());
    await eventually(() => !bob.present.has('carol'));
    expect(bob.present).toEqual(new Set(['alice', 'bob']));
    await eventually(() => chat.process.lines.includes('[start] node-1 is running again'));
  });
});

describe('Redis that is killed, and restarted with its data', () => {
  it('costs no message that was stored, and no user is missing', async () => {
    const alice = await start('alice', { node: 0 });
    const bob = await start('bob', { node: 1 });
    const silent = await start('carol', { node: 0 });
    const deaf = await start('dave', { node: 1, reads: false });
    const [aliceTalks, bobTalks] = [talk(alice), talk(bob)];
    await eventually(() => deaf.messages.length > 20);
    await chat.killRedis();
    await eventually(() => isInterrupted(alice) && isInterrupted(bob));
    const before = silent.messages.length;
    await eventually(() => silent.messages.length > before + 20);
    const said = await Promise.all([aliceTalks.stop(), bobTalks.stop()]);
    await haveAll([alice, bob, silent]);
    expect((await stored()).toSorted()).toEqual(said.flat().toSorted());
    // No socket was closed: the node repairs what it missed.
    for (const user of [alice, bob, silent]) expect(user.connections).toBe(1);
    await eventually(() => [alice, bob, silent].every(({ present }) => present.size === 4));
  });

  it('counter-proof: a message that is stored while a node is deaf comes only by reading', async () => {
    const reader = await start('alice', { node: 0 });
    const listener = await start('bob', { node: 0, reads: false });
    await reader.say('Before');
    await eventually(() => listener.messages.length === 1);
    // Another program stores a message, and it is not published: as when the node hears nothing.
    const message = JSON.stringify({ id: 2, at: 1, authorId: 'dave', text: 'Lost', key: 'k' });
    await chat.redis
      .multi()
      .set('chat:room:{lobby}:last', '2')
      .xadd('chat:room:{lobby}:messages', '2-0', 'json', message)
      .exec();
    // CLIENT KILL makes a gap of the subscribers.
    await chat.redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await eventually(() => reader.messages.length === 2);
    expect(reader.texts).toEqual(['Before', 'Lost']);
    expect(listener.texts).toEqual(['Before']);
  });
});

describe('a node', () => {
  // Too long for the test: what follows is announced, and does not expire.
  const patient = useChat({ PRESENCE_TTL_MS: '600000', SESSION_SECRET });

  it('that stops takes its users with it at once', async () => {
    const [first = '', second = ''] = patient.urls;
    const alice = await ChatUser.start('alice', [second]);
    const carol = await ChatUser.start('carol', [first]);
    await eventually(() => alice.present.size === 2);
    process.kill(await patient.process.pidOf('chat/node/main.js', 'INSTANCE=node-1'), 'SIGTERM');
    carol.close();
    await eventually(() => alice.present.size === 1);
    expect(alice.present).toEqual(new Set(['alice']));
    await eventually(() => patient.process.lines.includes('[start] node-1 is running again'));
  });

  it('closes a socket when the session ends, and refuses the next one', async () => {
    const token = signToken({ id: 'alice' }, { expiresIn: 2 });
    const options = { auth: { token }, transports: ['websocket'], reconnection: false };
    const socket = io(patient.urls[1] ?? '', { ...options, forceNew: true });
    closeAfterTest(async () => socket.disconnect());
    const closed = new Promise((resolve) => void socket.on('disconnect', resolve));
    expect(await closed).toBe('io server disconnect');
    const refused = new Promise((resolve) => {
      socket.on('connect_error', (error) => resolve((error as { data?: unknown }).data));
    });
    socket.connect();
    expect(await refused).toEqual({ code: 'signed-out' });
  });

  it('has at most 20 sockets of a user', async () => {
    const [, second = ''] = patient.urls;
    const token = signToken({ id: 'dave' });
    const users = Array.from({ length: 20 }, () => new ChatUser('dave', [second], token));
    await eventually(() => users.every(({ connections }) => connections === 1));
    const options = { auth: { token }, transports: ['websocket'], reconnection: false };
    const socket = io(second, { ...options, forceNew: true });
    closeAfterTest(async () => socket.disconnect());
    const error = await new Promise((resolve) => void socket.on('connect_error', resolve));
    expect(error).toMatchObject({ data: { code: 'too-many-tabs' } });
    expect(await patient.redis.zcard('chat:room:{lobby}:present')).toBe(1);
  });
});

describe('a user that writes too fast', () => {
  const limited = useChat({ MESSAGE_LIMIT: String(LIMIT) });

  it('waits, at both nodes together, and a message that is sent again does not count', async () => {
    const first = await ChatUser.start('alice', limited.urls);
    const second = await ChatUser.start('alice', limited.urls, { node: 1 });
    const key = randomUUID();
    for (let i = 0; i < LIMIT; i++) await (i % 2 ? first : second).say(`${i}`);
    const answer = await first.request('say', { room: 'lobby', text: 'Again', key });
    expect(answer).toEqual({
      error: {
        code: 'too-fast',
        message: expect.stringMatching(/^You write very fast. Wait \d+ s.$/),
        retryInMs: expect.any(Number),
      },
    });
    expect(await limited.stored('lobby')).toHaveLength(LIMIT);
    // Redis ends the window as time does.
    await limited.redis.del('chat:room:{lobby}:said:alice');
    expect(await first.say('Again', key)).toBe(LIMIT + 1);
    await limited.redis.set('chat:room:{lobby}:said:alice', LIMIT);
    expect(await second.say('Again', key)).toBe(LIMIT + 1);
  });
});
