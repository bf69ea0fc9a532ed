import { RedisPubSubClient, RedisPubSubServer } from 'nestjs-redis-pubsub';
import { EVERY_CHANNEL } from '../workload/channels.js';
import { requestController, type Handle } from './controllers.js';
import { requestWith, emitWith } from './nest-client.js';
import type { Candidate } from './candidate.js';
import { serve } from './serve.js';

/** Longer than a measure. */
const KEPT_MS = 3_600_000;

/** This package, as built. */
export const candidate: Candidate = {
  listen: ({ port, controller }) => serve(controller, createServer(port)),

  async connectEmitter(port, { batches, messageIds = true, keeps }) {
    const options = {
      connection: connectionTo(port),
      batchPublishes: batches,
      messageIds,
      ...(keeps && { history: { [EVERY_CHANNEL]: { size: keeps, ttl: KEPT_MS } } }),
    };
    const client = new RedisPubSubClient(options);
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
export function createClient(port: number): RedisPubSubClient {
  return new RedisPubSubClient({ connection: connectionTo(port) });
}

/** Answers every request on a channel with what `handle` returns. */
export function answer(port: number, channel: string, handle: Handle): Promise<void> {
  return serve(requestController(channel, handle), createServer(port));
}

/** A server that does not listen yet. */
export function createServer(port: number): RedisPubSubServer {
  return new RedisPubSubServer({ connection: connectionTo(port) });
}

function connectionTo(port: number): string {
  return `redis://127.0.0.1:${port}`;
}
