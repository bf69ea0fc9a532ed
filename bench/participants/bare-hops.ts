import { Redis, type RedisOptions } from 'ioredis';
import type { RequestingParticipant } from './participant.js';

/** What a request and its reply look like on the wire, and what is made of them. */
export interface Wording {
  /** Returns what writes the next request. */
  readonly asker: (channel: string, data: unknown) => () => string;
  readonly answer: (request: string) => string;
  readonly read: (reply: string) => unknown;
}

/** Requests of bare ioredis: a PUBLISH there, and one back. Redis keeps the order, so the first reply is to the first. */
export function hopsWith(wording: Wording): RequestingParticipant {
  return {
    async respond(port, channel) {
      const publisher = connect(port);
      const subscriber = connect(port);
      await publisher.ping();
      subscriber.on(
        'message',
        (_channel, text) => void publisher.publish(replyTo(channel), wording.answer(text)),
      );
      await subscriber.subscribe(channel);
    },

    async connectRequester(port, channel, data) {
      const publisher = connect(port);
      const subscriber = connect(port);
      await publisher.ping();
      const waiting: ((reply: unknown) => void)[] = [];
      subscriber.on('message', (_channel, text) => waiting.shift()?.(wording.read(text)));
      await subscriber.subscribe(replyTo(channel));
      const nextRequest = wording.asker(channel, data);
      return () =>
        new Promise((resolve, reject) => {
          waiting.push(resolve);
          publisher.publish(channel, nextRequest()).catch(reject);
        });
    },
  };
}

/** A client of the one Redis that all participants use. */
export function connect(port: number, options: RedisOptions = {}): Redis {
  return new Redis(port, '127.0.0.1', options);
}

function replyTo(channel: string): string {
  return `${channel}.reply`;
}
