import { Redis, type RedisOptions } from 'ioredis';
import type { RequestingCandidate } from './candidate.js';

/** How requests and replies are written and read. */
export interface RequestFormat {
  /** Returns a function that writes the next request. */
  readonly requestWriter: (channel: string, data: unknown) => () => string;
  readonly answer: (request: string) => string;
  readonly read: (reply: string) => unknown;
}

/**
 * Requests of bare ioredis: one PUBLISH for the request, one for the reply. Redis keeps the order, so that
 * no ids are needed.
 */
export function twoHops(format: RequestFormat): RequestingCandidate {
  return {
    async respond(port, channel) {
      const publisher = connect(port);
      const subscriber = connect(port);
      await publisher.ping();
      subscriber.on(
        'message',
        (_channel, text) => void publisher.publish(replyTo(channel), format.answer(text)),
      );
      await subscriber.subscribe(channel);
    },

    async connectRequester(port, channel, data) {
      const publisher = connect(port);
      const subscriber = connect(port);
      await publisher.ping();
      const waiting: ((reply: unknown) => void)[] = [];
      subscriber.on('message', (_channel, text) => waiting.shift()?.(format.read(text)));
      await subscriber.subscribe(replyTo(channel));
      const nextRequest = format.requestWriter(channel, data);
      return () =>
        new Promise((resolve, reject) => {
          waiting.push(resolve);
          publisher.publish(channel, nextRequest()).catch(reject);
        });
    },
  };
}

/** A client of the Redis server that all candidates share. */
export function connect(port: number, options: RedisOptions = {}): Redis {
  return new Redis(port, '127.0.0.1', options);
}

function replyTo(channel: string): string {
  return `${channel}.reply`;
}
