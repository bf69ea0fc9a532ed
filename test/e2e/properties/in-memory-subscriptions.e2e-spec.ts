import * as fc from 'fast-check';
import { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import type { SubscriptionKey } from '../../../src/channel/subscription-key.js';
import { Subscriptions } from '../../../src/testing/subscriptions.js';
import { closeAfterTest } from '../../support/app.js';
import { plain, useRedis } from '../../support/redis.js';

const SESSIONS = 3;

interface Change {
  readonly is: 'subscribe' | 'unsubscribe';
  readonly session: number;
  readonly key: SubscriptionKey;
}

interface Publish {
  readonly is: 'publish';
  readonly channel: string;
}

type Step =
  | Change
  | Publish
  | { readonly is: 'leave'; readonly session: number }
  | { readonly is: 'query'; readonly glob: string; readonly channel: string };
/** Few names, so that they often meet. */
const channels = fc.constantFrom('a', 'b', 'ab', 'a.b', 'a*', 'é');
const globs = fc.constantFrom('*', 'a*', '?', 'a?b', '[ab]', String.raw`a\*`, 'a.b', 'é');
const key: fc.Arbitrary<SubscriptionKey> = fc.oneof(
  channels.map((name) => ({ kind: 'channel' as const, name })),
  globs.map((name) => ({ kind: 'pattern' as const, name })),
);
const session = fc.nat(SESSIONS - 1);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ is: fc.constant('subscribe' as const), session, key }) },
  { weight: 2, arbitrary: fc.record({ is: fc.constant('unsubscribe' as const), session, key }) },
  { weight: 1, arbitrary: fc.record({ is: fc.constant('leave' as const), session }) },
  { weight: 4, arbitrary: fc.record({ is: fc.constant('publish' as const), channel: channels }) },
  {
    weight: 2,
    arbitrary: fc.record({ is: fc.constant('query' as const), glob: globs, channel: channels }),
  },
);

interface Session {
  readonly client: Redis;
  readonly id: number;
  /** What it is subscribed to. */
  readonly held: Set<string>;
}

/** What each session received, and what the server answered. */
interface Result {
  readonly received: string[][];
  readonly answers: unknown[];
}

const emptyResult = (): Result => ({
  received: Array.from({ length: SESSIONS }, () => []),
  answers: [],
});

function inMemory(steps: readonly Step[]): Result {
  const subscriptions = new Subscriptions<number>();
  const { received, answers } = emptyResult();
  for (const it of steps) {
    switch (it.is) {
      case 'subscribe':
        subscriptions.add(it.key, it.session);
        break;
      case 'unsubscribe':
        subscriptions.remove(it.key, it.session);
        break;
      case 'leave':
        subscriptions.removeAll(it.session);
        break;
      case 'query':
        answers.push(subscriptions.channels(it.glob, 'channel').toSorted());
        answers.push(subscriptions.count(it.channel, 'channel'), subscriptions.patterns);
        break;
      case 'publish': {
        const messages: string[] = [];
        subscriptions.reach(it.channel, 'channel', ({ kind, name }, at) => {
          received[at]?.push(`${it.channel} by ${kind} ${name}`);
          messages.push(name);
        });
        answers.push(messages.length);
      }
    }
  }
  return { received, answers };
}

async function change(
  { client, held }: Session,
  verb: 'subscribe' | 'unsubscribe',
  { kind, name }: SubscriptionKey,
): Promise<void> {
  const id = `${kind} ${name}`;
  // ioredis does not resolve an UNSUBSCRIBE of what is not subscribed.
  if (verb === 'unsubscribe' && !held.delete(id)) return;
  if (verb === 'subscribe') held.add(id);
  await client[kind === 'pattern' ? (`p${verb}` as const) : verb](name);
}

/** Redis goes through its patterns in an order of its own. */
const sorted = ({ received, answers }: Result): Result => ({
  received: received.map((messages) => messages.toSorted()),
  answers,
});

describe('the subscriptions in memory', () => {
  const redis = useRedis();

  async function atRedis(steps: readonly Step[]): Promise<Result> {
    const { received, answers } = emptyResult();
    const clients = await Promise.all(received.map((messages) => connect(messages)));
    for (const it of steps) {
      if (it.is === 'publish') answers.push(await redis.client.publish(it.channel, ''));
      else if (it.is === 'query') answers.push(...(await query(it.glob, it.channel)));
      else if (it.is !== 'leave') await change(clients[it.session]!, it.is, it.key);
      else {
        await disconnect(clients[it.session]!);
        clients[it.session] = await connect(received[it.session]!);
      }
    }
    await Promise.all(clients.map(disconnect));
    return { received, answers };
  }

  /** Connects a session, which adds its messages to `messages`. */
  async function connect(messages: string[]): Promise<Session> {
    const client = new Redis(plain(redis.port));
    closeAfterTest(async () => client.disconnect());
    client.on('message', (channel) => messages.push(`${channel} by channel ${channel}`));
    client.on('pmessage', (glob, channel) => messages.push(`${channel} by pattern ${glob}`));
    return { client, id: await client.client('ID'), held: new Set() };
  }

  async function disconnect({ client, id, held }: Session): Promise<void> {
    // Answered after the messages that were sent before. ioredis needs a subscription for it.
    if (held.size > 0) await client.ping();
    client.disconnect();
    // When this is answered, the server has removed its subscriptions.
    await redis.client.client('KILL', 'ID', id);
  }

  async function query(glob: string, channel: string): Promise<unknown[]> {
    const [found, numsub, patterns] = await Promise.all([
      redis.client.pubsub('CHANNELS', glob) as Promise<string[]>,
      redis.client.pubsub('NUMSUB', channel),
      redis.client.pubsub('NUMPAT'),
    ]);
    return [found.toSorted(), numsub[1], patterns];
  }

  it('give the same deliveries and answers as Redis, for any order of commands', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 40 }), async (steps) => {
        const found = await atRedis(steps);
        expect(sorted(inMemory(steps))).toEqual(sorted(found));
      }),
      { numRuns: 60 },
    );
  });
});
