// A process with many clients of one responder.
import type { Redis } from 'ioredis';
import { firstValueFrom } from 'rxjs';
import { serveCommands } from '../harness/serve-commands.js';
import '../participants/load-participant.js';
import { channelName } from '../workload/channels.js';
import { dataOf, SMALL } from '../workload/payloads.js';

const NEST_PARTICIPANTS = {
  ours: () => import('../participants/ours.js'),
  'built-in': () => import('../participants/built-in.js'),
};

const CHANNEL = channelName(0);

const commands = {
  /** How many messages reach the clients when each of them has asked once. */
  async countReplies(
    participant: keyof typeof NEST_PARTICIPANTS,
    port: number,
    clientCount: number,
  ): Promise<number> {
    const { answer, createClient } = await NEST_PARTICIPANTS[participant]();
    await answer(port, CHANNEL, holdUntil(clientCount));
    const clients = Array.from({ length: clientCount }, () => createClient(port));
    await Promise.all(clients.map((client) => client.connect()));
    const subscribers = clients.map((client) => client.unwrap<[Redis, Redis]>()[1]);
    let delivered = 0;
    for (const subscriber of subscribers) subscriber.on('messageBuffer', () => delivered++);
    const data = dataOf(SMALL);
    await Promise.all(clients.map((client) => firstValueFrom(client.send<unknown>(CHANNEL, data))));
    // Redis answers in order: with this all that was on its way has arrived.
    await Promise.all(subscribers.map((subscriber) => subscriber.ping()));
    return delivered;
  },
};

export type ReplyCounterCommands = typeof commands;

serveCommands(commands);

/** Answers nobody before so many have asked, so that all of them are still listening. */
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
