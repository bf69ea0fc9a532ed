// The process that publishes what the processes under test receive.
import { Redis } from 'ioredis';
import { pace } from '../../sample/notifications/load/pace.js';
import { sharedClock } from '../harness/latencies.js';
import { serveCommands } from '../harness/serve-commands.js';
import { channelName } from '../workload/channels.js';
import { dataOf, packetOf, withMessageId } from '../workload/payloads.js';

/** Messages that are published as fast as Redis accepts them. */
export interface Flood {
  readonly count: number;
  /** The size of the data of each message. */
  readonly bytes: number;
  /** The number of channels; messages go to each in turn. */
  readonly channels?: number;
  /** A single channel, instead of `channels`. */
  readonly channel?: string;
  /** Whether the messages have ids. With a single channel only. */
  readonly hasIds?: boolean;
}

/** Messages that are published at a steady rate, each with the time at which it was sent. */
export interface Stream {
  readonly count: number;
  readonly perSecond: number;
  /** The number of channels; each message goes to a random one. */
  readonly channels?: number;
  /** A single channel, instead of `channels`. */
  readonly channel?: string;
}

/** Messages in one pipeline; the next pipeline is sent after the replies to it. */
const BATCH = 500;

/** The number in the id of the last message. */
let lastNumber = 0;

const redis = new Redis(Number(process.argv[2]), '127.0.0.1', { enableAutoPipelining: true });

const commands = {
  async flood({ count, bytes, channels = 1, channel, hasIds = false }: Flood): Promise<void> {
    const json = JSON.stringify(dataOf(bytes));
    const only = channel ?? (channels === 1 ? channelName(0) : undefined);
    const packet = only === undefined ? undefined : packetOf(only, json);
    const payloadFor = (name: string): string => {
      const bare = packet ?? packetOf(name, json);
      return hasIds ? withMessageId(bare, ++lastNumber) : bare;
    };
    for (let sent = 0; sent < count; sent += BATCH) {
      const batch = redis.pipeline();
      for (let i = sent; i < Math.min(sent + BATCH, count); i++) {
        const name = only ?? channelName(i % channels);
        batch.publish(name, payloadFor(name));
      }
      await batch.exec();
    }
  },

  async stream({ count, perSecond, channels = 1, channel }: Stream): Promise<void> {
    await pace(count, perSecond, () => {
      const name = channel ?? channelName(Math.floor(Math.random() * channels));
      void redis.publish(name, packetOf(name, `{"sentAt":${sharedClock()}}`));
    });
    // Redis replies in order, so that every PUBLISH before this PING has been executed.
    await redis.ping();
  },
};

export type LoadCommands = typeof commands;

serveCommands(commands);
