import type { Type } from '@nestjs/common';
import '@nestjs/platform-socket.io';
import type { Socket } from 'socket.io-client';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Redis } from 'ioredis';
import { RedisPubSubClient } from 'nestjs-redis-pubsub';
import { closeAfterTest } from '../../support/app.js';
import { loadRecipe, startPageApp } from '../../support/page-app.js';
import { eventually, useRedis } from '../../support/redis.js';

interface Chat {
  readonly socket: Socket;
  readonly members: ReadonlyMap<string, string>;
  say(text: string): void;
  typing(): void;
}

describe('recipes/chat', () => {
  const redis = useRedis();
  let AppModule: Type;
  let openChat: (url: string, name: string, room: string, refreshMs?: number) => Chat;
  beforeAll(async () => {
    const page = loadRecipe('chat', redis.url);
    ({ AppModule } = await page.import<{ AppModule: Type }>('src/app.module.ts'));
    ({ openChat } = await page.import<{ openChat: typeof openChat }>('src/client/open-chat.ts'));
  });

  /** A user in a room, with all events that their socket received. */
  function enter({ url }: { url: string }, name: string, room = 'lobby', refreshMs?: number) {
    const chat = openChat(url, name, room, refreshMs);
    closeAfterTest(async () => void chat.socket.close());
    const events: string[] = [];
    chat.socket.onAny((type: string, event?: { name: string; text?: string }) => {
      events.push([type, event?.name, event?.text].filter(Boolean).join(' '));
    });
    const names = () => [...chat.members.values()].toSorted().join(' ');
    return { ...chat, events, names };
  }

  const startTwo = async () =>
    [await startPageApp(AppModule), await startPageApp(AppModule)] as const;

  it('passes messages and typing to the room at both instances, and typing not to its author', async () => {
    const [one, two] = await startTwo();
    // Any text may name a room.
    const [ada, bob] = [enter(one, 'Ada', 'lobby.*'), enter(two, 'Bob', 'lobby.*')];
    const eve = enter(two, 'Eve', 'lobby');
    await eventually(() => ada.names() === 'Ada Bob' && bob.names() === 'Ada Bob');
    await eventually(() => eve.names() === 'Eve');
    ada.typing();
    ada.say('Hello');
    await eventually(() => bob.events.includes('message Ada Hello'));
    await eventually(() => ada.events.includes('message Ada Hello'));
    expect(bob.events.slice(-2)).toEqual(['typing Ada', 'message Ada Hello']);
    expect(ada.events).not.toContain('typing Ada');
    expect(eve.events).toEqual([]);
  });

  it('lists the members of both instances, and follows who comes and goes', async () => {
    const [one, two] = await startTwo();
    const [ada, bob] = [enter(one, 'Ada'), enter(two, 'Bob')];
    await eventually(() => ada.names() === 'Ada Bob' && bob.names() === 'Ada Bob');
    const secondTab = enter(two, 'Ada');
    await eventually(() => secondTab.names() === 'Ada Ada Bob' && ada.names() === 'Ada Ada Bob');
    secondTab.socket.close();
    await eventually(() => ada.names() === 'Ada Bob');
    bob.socket.close();
    await eventually(() => ada.names() === 'Ada');
    expect(ada.events).toEqual(['joined Bob', 'joined Ada', 'left Ada', 'left Bob']);
  });

  it('tells the members who leave with an instance that stops', async () => {
    const [one, two] = await startTwo();
    const [ada, bob] = [enter(one, 'Ada'), enter(two, 'Bob')];
    await eventually(() => ada.names() === 'Ada Bob' && bob.names() === 'Ada Bob');
    bob.socket.io.reconnection(false);
    await two.app.close();
    await eventually(() => ada.names() === 'Ada');
    expect(ada.events).toContain('left Bob');
  });

  it('forgets the members of an instance that ends without a word', async () => {
    const [one, two] = await startTwo();
    const [ada, bob] = [enter(one, 'Ada', 'lobby', 20), enter(two, 'Bob')];
    await eventually(() => ada.names() === 'Ada Bob' && bob.names() === 'Ada Bob');
    for (const client of two.app.get(RedisPubSubClient).unwrap<Redis[]>()) client.disconnect();
    await eventually(() => ada.names() === 'Ada');
    expect(ada.events).not.toContain('left Bob');
  });

  it('takes no list of a room that the socket is not in', async () => {
    const [one] = await startTwo();
    const [ada, eve] = [enter(one, 'Ada'), enter(one, 'Eve', 'other')];
    await eventually(() => ada.names() === 'Ada' && eve.names() === 'Eve');
    expect(await eve.socket.emitWithAck('list', { room: 'lobby' })).toEqual([]);
  });

  it('joins again after an outage, so that each browser knows who came and went in it', async () => {
    const [one, two] = await startTwo();
    const [ada, bob] = [enter(one, 'Ada'), enter(two, 'Bob')];
    await eventually(() => ada.names() === 'Ada Bob' && bob.names() === 'Ada Bob');
    await redis.stop();
    bob.socket.close();
    const lost = () => two.log.of('error').filter((line) => /event was not published/.test(line));
    await eventually(() => lost().length === 1); // "left" of Bob, which no longer waits
    const eve = enter(two, 'Eve');
    await eventually(() => eve.socket.connected);
    await redis.start();
    await eventually(() => ada.events.includes('rejoin'));
    await eventually(() => ada.names() === 'Ada Eve' && eve.names() === 'Ada Eve');
    expect(ada.events).not.toContain('left Bob');
  });

  it('takes nothing from a socket that is not in the room', async () => {
    const [one] = await startTwo();
    const [ada, eve] = [enter(one, 'Ada'), enter(one, 'Eve', 'other')];
    await eventually(() => ada.names() === 'Ada' && eve.names() === 'Eve');
    eve.socket.emit('say', { room: 'lobby', text: 'Boo' });
    eve.say('Hello');
    await eventually(() => eve.events.includes('message Eve Hello'));
    ada.say('Hello');
    await eventually(() => ada.events.includes('message Ada Hello'));
    expect(ada.events).not.toContain('message Eve Boo');
  });
});
