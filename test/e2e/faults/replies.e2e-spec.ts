import type { Redis } from 'ioredis';
import { NoSubscribersError, RedisPubSubClient, RedisPubSubModule } from 'nestjs-redis-pubsub';
import { firstValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { closeAfterTest, createClient, startService } from '../../support/app.js';
import { createBuiltInClient, startBuiltIn } from '../../support/built-in.js';
import { Gate } from '../../support/gate.js';
import { requestHandler, type Handle } from '../../support/handlers.js';
import { eventually, useRedis } from '../../support/redis.js';
import { startProxy } from '../../support/tcp-proxy.js';
import { startContext } from '../module/apps.js';
import { IN_MEMORY } from '../../support/in-memory.js';

const CLIENTS = 20;

/** Counts the messages that the subscriber connections of clients receive from now on. */
function countReceived(clients: readonly { unwrap<T>(): T }[]): { count: number } {
  const received = { count: 0 };
  for (const client of clients) {
    client.unwrap<[Redis, Redis]>()[1].on('messageBuffer', () => received.count++);
  }
  return received;
}

describe('replies', () => {
  const redis = useRedis();

  it('in an inbox never reach a handler of `*`', async () => {
    const calls: string[] = [];
    await startService(
      requestHandler('*', (data, channel) => {
        calls.push(channel);
        return data;
      }),
      { connection: redis.url },
    );
    const client = createClient({ connection: redis.url });
    expect(await firstValueFrom(client.send('any.get', 1))).toBe(1);
    await redis.client.publish('any.end', '2');
    await eventually(() => calls.includes('any.end'));
    expect(calls).toEqual(['any.get', 'any.end']);
  });

  it.each(['inbox', 'compat'] as const)(
    'are unsubscribed when a client with the connections of a module is closed (%s)',
    async (replies) => {
      const module = RedisPubSubModule.forRoot({ connection: redis.url, replies });
      const { app } = await startContext({ imports: [module] });
      const client = app.get(RedisPubSubClient);
      const answer = firstValueFrom(client.send('close.none', 1));
      await expect(answer).rejects.toThrow(NoSubscribersError);
      await client.close();
      for (const glob of ['_pubsub.inbox.*', 'close.none.reply']) {
        await eventually(async () => (await redis.client.pubsub('CHANNELS', glob)).length === 0);
      }
    },
  );

  describe('on `rpc.get.reply` with a handler of `rpc.*`', () => {
    it.each(['inbox', 'compat'] as const)('never reach a handler (%s)', async (replies) => {
      const calls: string[] = [];
      await startService(
        requestHandler('rpc.*', (data, channel) => {
          calls.push(channel);
          return data;
        }),
        { connection: redis.url },
      );
      const client = createClient({ connection: redis.url, replies });
      expect(await firstValueFrom(client.send('rpc.get', 1))).toBe(1);
      expect(await firstValueFrom(client.send('rpc.last', 2))).toBe(2);
      // Requests and replies arrive at the handler's connection in order; this message is the last one.
      await redis.client.publish('rpc.end', '3');
      await eventually(() => calls.includes('rpc.end'));
      expect(calls).toEqual(['rpc.get', 'rpc.last', 'rpc.end']);
    });

    it.skipIf(IN_MEMORY)(
      'counter-proof: the built-in transport (Transport.REDIS) runs the handler a second time',
      async () => {
        const calls: string[] = [];
        await startBuiltIn(
          requestHandler('twice.*', (data, channel) => {
            calls.push(channel);
            return data;
          }),
          { port: redis.port, wildcards: true },
        );
        await redis.patterns(1);
        const { client } = await createBuiltInClient({ port: redis.port });
        client.send('twice.get', 1).subscribe({ error: () => undefined });
        await eventually(() => calls.length >= 2);
        // Nest 12 replies on `twice.get.reply`, and Nest 11 on `twice.*.reply`: both match `twice.*`.
        expect(calls).toEqual(['twice.get', expect.stringMatching(/^twice\.(get|\*)\.reply$/)]);
      },
    );
  });

  describe(`with ${CLIENTS} clients that wait for one reply each`, () => {
    /** Replies when all requests have arrived, so that every client is subscribed for its reply. */
    function answerTogether(): Handle {
      const gate = new Gate();
      let waiting = 0;
      return async (data) => {
        if (++waiting === CLIENTS) gate.open();
        await gate.opened;
        return data;
      };
    }

    it.skipIf(IN_MEMORY)(
      `deliver ${CLIENTS} messages, because each client has its own inbox`,
      async () => {
        await startService(requestHandler('inbox.get', answerTogether()), {
          connection: redis.url,
        });
        const clients = Array.from({ length: CLIENTS }, () =>
          createClient({ connection: redis.url }),
        );
        const received = countReceived(clients);
        const answers = clients.map((client, i) => firstValueFrom(client.send('inbox.get', i)));
        expect(await Promise.all(answers)).toEqual(clients.map((_, i) => i));
        // Each other message of Redis arrives before the reply to this PING.
        await Promise.all(clients.map((client) => client.unwrap<[Redis, Redis]>()[1].ping()));
        expect(received.count).toBe(CLIENTS);
      },
    );

    it.skipIf(IN_MEMORY)(
      `counter-proof: the built-in transport (Transport.REDIS) delivers ${CLIENTS * CLIENTS} messages over one shared reply channel`,
      async () => {
        await startBuiltIn(requestHandler('shared.get', answerTogether()), { port: redis.port });
        await redis.subscribers('shared.get', 1);
        // A client unsubscribes on its own reply. The proxy holds that, because on a fast network it would
        // arrive before some of the other replies.
        const proxy = await startProxy(redis.port);
        proxy.hold(/unsubscribe/i);
        const clients = await Promise.all(
          Array.from({ length: CLIENTS }, async () => {
            const { client } = await createBuiltInClient({ host: '127.0.0.1', port: proxy.port });
            return client;
          }),
        );
        closeAfterTest(async () => proxy.release());
        const received = countReceived(clients);
        const answers = clients.map((client, i) => firstValueFrom(client.send('shared.get', i)));
        expect(await Promise.all(answers)).toEqual(clients.map((_, i) => i));
        await eventually(() => received.count >= CLIENTS * CLIENTS);
        expect(received.count).toBe(CLIENTS * CLIENTS);
      },
    );
  });
});
