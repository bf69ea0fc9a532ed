// The process that publishes what the processes under test receive.
import { Redis } from 'ioredis';
import { pace } from '../../sample/notifications/load/pace.js';
import { sharedClock } from '../harness/latencies.js';
import { serveCommands } from '../harness/serve-commands.js';
import { channelName } from '../workload/channels.js';
import { dataOf, packetOf } from '../workload/payloads.js';

/** What is to be published as fast as Redis takes it. */
export interface Flood {
  readonly count: number;
  /** The size of the data of each message. */
  readonly bytes: number;
  /** Over how many channels, in turn. */
  readonly channels?: number;
  /** One channel of another name. */
  readonly channel?: string;
}

/** What is to be published evenly, with the time of sending. */
export interface Stream {
  readonly count: number;
  readonly perSecond: number;
  /** Over how many channels, at random. */
  readonly channels?: number;
  /** One channel of another name. */
  readonly channel?: string;
}

/** How many messages go out before the answers to the first are waited for. */
const BATCH = 500;

const redis = new Redis(Number(process.argv[2]), '127.0.0.1', { enableAutoPipelining: true });

const commands = {
  async flood({ count, bytes, channels = 1, channel }: Flood): Promise<void> {
    const json = JSON.stringify(dataOf(bytes));
    const only = channel ?? (channels === 1 ? channelName(0) : undefined);
    const packet = only === undefined ? undefined : packetOf(only, json);
    for (let sent = 0; sent < count; sent += BATCH) {
      const batch = redis.pipeline();
      for (let i = sent; i < Math.min(sent + BATCH, count); i++) {
        const name = only ?? channelName(i % channels);
        batch.publish(name, packet ?? packetOf(name, json));
      }
      await batch.exec();
    }
  },

  async stream({ count, perSecond, channels = 1, channel }: Stream): Promise<void> {
    await pace(count, perSecond, () => {
      const name = channel ?? channelName(Math.floor(Math.random() * channels));
      void redis.publish(name, packetOf(name, `{"sentAt":${sharedClock()}}`));
    });
    // Redis answers in order: with this all have been published.
    await redis.ping();
  },
};

export type LoadCommands = typeof commands;

serveCommands(commands);
