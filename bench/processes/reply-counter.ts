// A process with many clients of one responder.
import type { Redis } from 'ioredis';
import { firstValueFrom } from 'rxjs';
import { serveCommands } from '../harness/serve-commands.js';
import '../candidates/load-candidate.js';
import { channelName } from '../workload/channels.js';
import { dataOf, SMALL } from '../workload/payloads.js';

const NEST_CANDIDATES = {
  ours: () => import('../candidates/ours.js'),
  'built-in': () => import('../candidates/built-in.js'),
};

const CHANNEL = channelName(0);

const commands = {
  /** Resolves to the number of messages that all clients receive for one request each. */
  async countReplies(
    candidate: keyof typeof NEST_CANDIDATES,
    port: number,
    clientCount: number,
  ): Promise<number> {
    const { answer, createClient } = await NEST_CANDIDATES[candidate]();
    await answer(port, CHANNEL, holdUntil(clientCount));
    const clients = Array.from({ length: clientCount }, () => createClient(port));
    await Promise.all(clients.map((client) => client.connect()));
    const subscribers = clients.map((client) => client.unwrap<[Redis, Redis]>()[1]);
    let delivered = 0;
    for (const subscriber of subscribers) subscriber.on('messageBuffer', () => delivered++);
    const data = dataOf(SMALL);
    await Promise.all(clients.map((client) => firstValueFrom(client.send<unknown>(CHANNEL, data))));
    // Redis replies in order, so that every message before this PONG has arrived.
    await Promise.all(subscribers.map((subscriber) => subscriber.ping()));
    return delivered;
  },
};

export type ReplyCounterCommands = typeof commands;

serveCommands(commands);

/** Replies only after `count` requests have arrived, so that all clients are still subscribed. */
function holdUntil(count: number): (data: unknown) => Promise<unknown> {
  const held: (() => void)[] = [];
  return async (data) => {
    await new Promise<void>((resolve) => {
      held.push(resolve);
      if (held.length === count) for (const release of held) release();
    });
    return data;
  };
}
