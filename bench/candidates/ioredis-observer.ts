import { Redis } from 'ioredis';
import type { Observer, ObserverOptions } from './observer.js';

/** The number of channels in one SUBSCRIBE. */
const BATCH = 512;

/** The floor: bare SUBSCRIBE, with the resubscription of ioredis. */
export async function createObserver({ port, onData }: ObserverOptions): Promise<Observer> {
  const redis = new Redis(port, '127.0.0.1');
  redis.on('message', (_channel, text) => {
    const { data } = JSON.parse(text) as { data: unknown };
    onData(data);
  });
  let names: string[] = [];
  const flush = (): void => {
    if (names.length > 0) void redis.subscribe(...names);
    names = [];
  };
  return {
    observe(channel) {
      if (names.length === 0) process.nextTick(flush);
      names.push(channel);
      if (names.length === BATCH) flush();
    },
    drain: async () => void (await redis.ping()),
  };
}
