import { connect, hopsWith, type Wording } from './bare-hops.js';
import type { Participant } from './participant.js';
import { nestHandlers } from './serve.js';

/** The same text there and back, which nobody looks at. */
const TEXT: Wording = {
  asker: (_channel, data) => {
    const text = JSON.stringify(data);
    return () => text;
  },
  answer: (text) => text,
  read: (text) => text,
};

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

  ...hopsWith(TEXT),
};
