import { RedisPubSubClient, RedisPubSubServer, type RedisPubSubOptions } from 'nestjs-redis-pubsub';
import { requestController, type Handle } from './controllers.js';
import { askWith, emitWith } from './nest-client.js';
import type { Participant, RequestingParticipant } from './participant.js';
import { serve } from './serve.js';

/** This package, as built. */
export const participant: Participant = {
  listen: ({ port, controller }) => serve(controller, createServer(port)),

  async connectEmitter(port, { batches }) {
    const options = {
      connection: connectionTo(port),
      batchPublishes: batches,
    };
    const client = new RedisPubSubClient(options);
    await client.connect();
    return emitWith(client);
  },

  ...requestsWith({}),
};

/** Asks and answers, with some options at both ends. */
export function requestsWith(options: RedisPubSubOptions): RequestingParticipant {
  return {
    respond: (port, channel) => answer(port, channel, (data) => data, options),

    async connectRequester(port, channel, data) {
      const client = createClient(port, options);
      await client.connect();
      return askWith(client, channel, data);
    },
  };
}

/** A client with connections of its own, not yet open. */
export function createClient(port: number, options?: RedisPubSubOptions): RedisPubSubClient {
  return new RedisPubSubClient({ connection: connectionTo(port), ...options });
}

/** Answers every request on a channel with what `handle` returns. */
export function answer(
  port: number,
  channel: string,
  handle: Handle,
  options?: RedisPubSubOptions,
): Promise<void> {
  return serve(requestController(channel, handle), createServer(port, options));
}

/** A server that does not listen yet. */
export function createServer(port: number, options?: RedisPubSubOptions): RedisPubSubServer {
  return new RedisPubSubServer({ connection: connectionTo(port), ...options });
}

function connectionTo(port: number): string {
  return `redis://127.0.0.1:${port}`;
}
