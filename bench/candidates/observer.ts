import type { Codec } from 'nestjs-redis-pubsub';
import { setImmediate } from 'node:timers/promises';
import { channelName } from '../workload/channels.js';

/** The candidates that can observe channels at run time. */
export type ObserverName = 'ours' | 'ioredis';

/** Observes channels and passes the data of their messages to `onData`. */
export interface Observer {
  /** Returns before Redis acknowledges the subscription. */
  observe(channel: string): void;
  /** Resolves when all data that Redis has sent by now has been passed on. */
  drain(): Promise<void>;
}

export interface ObserverOptions {
  readonly port: number;
  readonly onData: (data: unknown) => void;
  /** Used by `ours` only. */
  readonly codec?: Codec;
}

/** The number of channels that are observed in one turn of the event loop. */
const CHANNELS_PER_TURN = 1_000;

/** Observes the channels with the numbers from `start` to `end`, without `end`. */
export async function observeRange(observer: Observer, start: number, end: number): Promise<void> {
  for (let index = start; index < end; index++) {
    observer.observe(channelName(index));
    if (index % CHANNELS_PER_TURN === 0) await setImmediate();
  }
}
