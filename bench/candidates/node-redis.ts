import { createClient } from 'redis';
import type { Candidate } from './candidate.js';
import { nestHandlers } from './serve.js';

/** Bare node-redis that calls the Nest handler directly. */
export const candidate: Candidate = {
  async listen({ port, controller, patterns, isGlob }) {
    const handlers = await nestHandlers(controller);
    const client = await connect(port);
    for (const pattern of patterns) {
      const handler = handlers.get(pattern);
      const handle = (text: string): void => {
        const { data } = JSON.parse(text) as { data: unknown };
        void handler?.(data, {});
      };
      await (isGlob ? client.pSubscribe(pattern, handle) : client.subscribe(pattern, handle));
    }
  },

  async connectEmitter(port) {
    const client = await connect(port);
    return (channel, data) => client.publish(channel, JSON.stringify({ pattern: channel, data }));
  },

  async respond(port, channel) {
    const [publisher, subscriber] = await Promise.all([connect(port), connect(port)]);
    await subscriber.subscribe(channel, (text) => void publisher.publish(replyTo(channel), text));
  },

  /**
   * Two bare hops: one PUBLISH for the request, one for the reply. Redis keeps the order, so that no ids are
   * needed.
   */
  async connectRequester(port, channel, data) {
    const [publisher, subscriber] = await Promise.all([connect(port), connect(port)]);
    const waiting: ((text: string) => void)[] = [];
    await subscriber.subscribe(replyTo(channel), (text) => waiting.shift()?.(text));
    const text = JSON.stringify(data);
    return () =>
      new Promise((resolve, reject) => {
        waiting.push(resolve);
        publisher.publish(channel, text).catch(reject);
      });
  },
};

async function connect(port: number) {
  return createClient({ socket: { host: '127.0.0.1', port } }).connect();
}

function replyTo(channel: string): string {
  return `${channel}.reply`;
}
