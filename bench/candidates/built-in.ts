import { ClientRedis, ServerRedis } from '@nestjs/microservices';
import type { Redis } from 'ioredis';
import { requestController, type Handle } from './controllers.js';
import { requestWith, emitWith } from './nest-client.js';
import type { Candidate } from './candidate.js';
import { serve } from './serve.js';

/** The transport that Nest creates for `Transport.REDIS`. */
export const candidate: Candidate = {
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
    return requestWith(client, channel, data);
  },
};

/** A client that is not connected yet. */
export function createClient(port: number): ClientRedis {
  return new ClientRedis(connectionTo(port));
}

/** Answers every request on a channel with what `handle` returns. */
export async function answer(port: number, channel: string, handle: Handle): Promise<void> {
  const server = new ServerRedis(connectionTo(port));
  await serve(requestController(channel, handle), server);
  await acknowledged(server);
}

/** Waits for the acknowledgements, which `listen` does not. Redis replies in order, so that PONG follows them. */
async function acknowledged(server: ServerRedis): Promise<void> {
  const [, subscriber] = server.unwrap<[publisher: Redis, subscriber: Redis]>();
  await subscriber.ping();
}

function connectionTo(port: number): { host: string; port: number } {
  return { host: '127.0.0.1', port };
}
