import { ClientRedis, ServerRedis } from '@nestjs/microservices';
import type { Redis } from 'ioredis';
import { requestController, type Handle } from './controllers.js';
import { askWith, emitWith } from './nest-client.js';
import type { Participant } from './participant.js';
import { serve } from './serve.js';

/** What Nest makes of `Transport.REDIS`. */
export const participant: Participant = {
  async listen({ port, controller, isGlob }) {
    const server = new ServerRedis({ ...connectionTo(port), wildcards: isGlob });
    await serve(controller, server);
    await acknowledged(server);
  },

  async connectEmitter(port) {
    const client = createClient(port);
    await client.connect();
    return emitWith(client);
  },

  respond: (port, channel) => answer(port, channel, (data) => data),

  async connectRequester(port, channel, data) {
    const client = createClient(port);
    await client.connect();
    return askWith(client, channel, data);
  },
};

/** A client with connections of its own, not yet open. */
export function createClient(port: number): ClientRedis {
  return new ClientRedis(connectionTo(port));
}

/** Answers every request on a channel with what `handle` returns. */
export async function answer(port: number, channel: string, handle: Handle): Promise<void> {
  const server = new ServerRedis(connectionTo(port));
  await serve(requestController(channel, handle), server);
  await acknowledged(server);
}

/** It listens before Redis has acknowledged anything; Redis answers in order. */
async function acknowledged(server: ServerRedis): Promise<void> {
  const [, subscriber] = server.unwrap<[publisher: Redis, subscriber: Redis]>();
  await subscriber.ping();
}

function connectionTo(port: number): { host: string; port: number } {
  return { host: '127.0.0.1', port };
}
