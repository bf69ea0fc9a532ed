import { Redis, type RedisOptions } from 'ioredis';
import type { Participant } from './participant.js';
import { nestHandlers } from './serve.js';

/** Bare ioredis, and Nest only where a handler is to be called: the floor. */
export const participant: Participant = {
  async listen({ port, controller, patterns, isGlob }) {
    const handlers = await nestHandlers(controller);
    const handle = (pattern: string, text: string): void => {
      const { data } = JSON.parse(text) as { data: unknown };
      void handlers.get(pattern)?.(data, {});
    };
    const redis = connect(port);
    if (isGlob) {
      redis.on('pmessage', (pattern, _channel, text) => handle(pattern, text));
      await redis.psubscribe(...patterns);
    } else {
      redis.on('message', handle);
      await redis.subscribe(...patterns);
    }
  },

  async connectEmitter(port) {
    const redis = connect(port, { enableAutoPipelining: true });
    await redis.ping();
    return (channel, data) => redis.publish(channel, JSON.stringify({ pattern: channel, data }));
  },

  async respond(port, channel) {
    const publisher = connect(port);
    const subscriber = connect(port);
    await publisher.ping();
    subscriber.on('message', (_channel, text) => void publisher.publish(replyTo(channel), text));
    await subscriber.subscribe(channel);
  },

  /** Two bare hops: one PUBLISH there and one back. Redis keeps the order, so the first reply is to the first. */
  async connectRequester(port, channel, data) {
    const publisher = connect(port);
    const subscriber = connect(port);
    await publisher.ping();
    const waiting: ((text: string) => void)[] = [];
    subscriber.on('message', (_channel, text) => waiting.shift()?.(text));
    await subscriber.subscribe(replyTo(channel));
    const text = JSON.stringify(data);
    return () =>
      new Promise((resolve, reject) => {
        waiting.push(resolve);
        publisher.publish(channel, text).catch(reject);
      });
  },
};

function connect(port: number, options: RedisOptions = {}): Redis {
  return new Redis(port, '127.0.0.1', options);
}

function replyTo(channel: string): string {
  return `${channel}.reply`;
}
