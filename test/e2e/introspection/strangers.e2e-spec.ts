import { describe, expect, it } from 'vitest';
import { PubSubInspector } from 'nestjs-redis-pubsub';
import { eventually, useRedis } from '../../support/redis.js';
import { closeAfterTest } from '../../support/app.js';
import { startInstance, timeout } from './fleet.js';

const INBOX = '_pubsub.inbox.stranger';

const question = (replyTo: unknown, id: unknown = 'x'): string =>
  JSON.stringify({ verb: 'ping', id, replyTo, replyKind: 'channel' });

describe('questions and answers of strangers', () => {
  const redis = useRedis();

  /** The messages that arrive on some channels. */
  async function listen(...channels: string[]): Promise<{ channel: string; text: string }[]> {
    const received: { channel: string; text: string }[] = [];
    const client = redis.client.duplicate();
    closeAfterTest(async () => client.disconnect());
    client.on('message', (channel: string, text: string) => received.push({ channel, text }));
    await client.subscribe(...channels);
    return received;
  }

  it('are answered where they have the form of a question: a client in any language can ask', async () => {
    await startInstance(redis, { name: 'a', prefix: 'asked:' });
    const received = await listen(INBOX);
    await redis.client.publish('_pubsub.instances.asked:', question(INBOX));
    await eventually(() => received.length === 1);
    expect(JSON.parse(received[0]!.text)).toEqual({
      id: 'x',
      instance: {
        id: expect.any(String) as string,
        name: 'a',
        version: expect.any(String) as string,
      },
    });
  });

  it('get no answer in a channel that is no inbox, and no garbage stops an instance', async () => {
    const { inspector, log } = await startInstance(redis, { prefix: 'garbage:' });
    const received = await listen('orders', '_pubsub.cancel', INBOX);
    for (const text of [
      question('orders'),
      question('_pubsub.cancel'),
      question('_pubsub.inbox.\uD800'),
      question(INBOX, 7),
      question(INBOX, 'x'.repeat(300)),
      question(INBOX + 'x'.repeat(300)),
      question(INBOX).replace('ping', '__proto__'),
      question(INBOX).replace('ping', 'constructor'),
      `${question(INBOX)}${' '.repeat(2_000)}`,
      '',
      'null',
      '[]',
      '{"verb":{}}',
      '{',
    ]) {
      await redis.client.publish('_pubsub.instances.garbage:', text);
    }
    await redis.client.publish('_pubsub.instances.garbage:', Buffer.from([0xff, 0, 0xfe]));
    expect((await inspector.ping({ timeout })).instances).toHaveLength(1);
    expect(received).toEqual([]);
    expect([...log.of('warn'), ...log.of('error')]).toEqual([]);
  });

  it('are answered twenty times a second at most, and the log says so once', async () => {
    const { inspector, log } = await startInstance(redis, { prefix: 'flood:' });
    const received = await listen(INBOX);
    const flood = Array.from({ length: 500 }, (_, i) => question(INBOX, `${i}`));
    await Promise.all(flood.map((text) => redis.client.publish('_pubsub.instances.flood:', text)));
    await eventually(() => log.of('warn').length > 0);
    expect(log.of('warn')).toEqual([
      'More than 20 questions a second arrived on "_pubsub.instances.flood:": the others get no answer. Run fewer inspectors, or set introspection: false',
    ]);
    // What was answered has arrived when a later question is, in another second.
    await eventually(async () => {
      const { instances } = await inspector.ping({ timeout: 200 });
      return instances.length === 1;
    });
    expect(received.length).toBeGreaterThanOrEqual(20);
    expect(received.length).toBeLessThanOrEqual(60);
  });

  it('do not confuse an inspector when they answer', async () => {
    const prefix = 'forged:';
    await startInstance(redis, { name: 'true', prefix });
    const inspector = new PubSubInspector({ connection: redis.url, prefix });
    closeAfterTest(() => inspector.close());
    await inspector.ping({ timeout });
    const inboxes = (await redis.client.pubsub('CHANNELS', '_pubsub.inbox.*')) as string[];
    const inbox = inboxes.find((it) => it.startsWith('_pubsub.inbox.joined.'))!;
    const forge = async (id: string) => {
      for (const instance of [null, 1, {}, { id: 1 }, { id: 'f', name: 'forged', version: '1' }]) {
        await redis.client.publish(inbox, JSON.stringify({ id, instance }));
      }
      await redis.client.publish(inbox, '{"id":');
      await redis.client.publish(inbox, JSON.stringify([{ id }]));
    };
    for (const id of ['1', '2', '99']) await forge(id);
    const asked = inspector.instances({ timeout });
    await forge('2');
    const { instances } = await asked;
    // One that looks like an answer may take the place of one that is true: the inbox is a secret of few.
    for (const { handlers, access, startedAt } of instances) {
      expect(handlers).toEqual([]);
      expect(access.globs).toEqual([]);
      expect(startedAt).toBeInstanceOf(Date);
    }
  });
});
