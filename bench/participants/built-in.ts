import { ClientRedis, ServerRedis } from '@nestjs/microservices';
import type { Redis } from 'ioredis';
import { requestController } from './controllers.js';
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

  async respond(port, channel) {
    const server = createServer(port);
    await serve(
      requestController(channel, (data) => data),
      server,
    );
    await acknowledged(server);
  },

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

/** A server that does not listen yet. */
export function createServer(port: number): ServerRedis {
  return new ServerRedis(connectionTo(port));
}

/** It listens before Redis has acknowledged anything; Redis answers in order. */
export async function acknowledged(server: ServerRedis): Promise<void> {
  const [, subscriber] = server.unwrap<[publisher: Redis, subscriber: Redis]>();
  await subscriber.ping();
}

function connectionTo(port: number): { host: string; port: number } {
  return { host: '127.0.0.1', port };
}
