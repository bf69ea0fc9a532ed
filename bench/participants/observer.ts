import type { Codec } from 'nestjs-redis-pubsub';
import { setImmediate } from 'node:timers/promises';
import { channelName } from '../workload/channels.js';

/** Who can observe channels at run time. */
export type ObserverName = 'ours' | 'ioredis';

/** Observes channels by their numbers, and hands on the data of what comes. */
export interface Observer {
  /** Redis may acknowledge it later. */
  observe(channel: string): void;
  /** Resolves when all that Redis has sent by now has been handed on. */
  settle(): Promise<void>;
}

export interface ObserverOptions {
  readonly port: number;
  readonly onData: (data: unknown) => void;
  /** For ours. */
  readonly codec?: Codec;
}

/** How many channels are asked for before the event loop has its turn. */
const AT_ONCE = 1_000;

const LOADERS: Record<
  ObserverName,
  () => Promise<{ createObserver(options: ObserverOptions): Promise<Observer> }>
> = {
  ours: () => import('./our-observer.js'),
  ioredis: () => import('./ioredis-observer.js'),
};

/** The observer, and nothing of the other one: what that loads would be measured too. */
export async function loadObserver(
  name: ObserverName,
  options: ObserverOptions,
): Promise<Observer> {
  return (await LOADERS[name]()).createObserver(options);
}

/** Observes the channels with the numbers from `start` up to and without `end`. */
export async function observeRange(observer: Observer, start: number, end: number): Promise<void> {
  for (let index = start; index < end; index++) {
    observer.observe(channelName(index));
    if (index % AT_ONCE === 0) await setImmediate();
  }
}
