import { connect, twoHops, type RequestFormat } from './bare-hops.js';
import type { Candidate } from './candidate.js';
import { nestHandlers } from './serve.js';

/** The reply is the text of the request; neither end parses it. */
const TEXT: RequestFormat = {
  requestWriter: (_channel, data) => {
    const text = JSON.stringify(data);
    return () => text;
  },
  answer: (text) => text,
  read: (text) => text,
};

/** The floor: bare ioredis that calls the Nest handler directly. */
export const candidate: Candidate = {
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

  ...twoHops(TEXT),
};
