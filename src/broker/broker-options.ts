import type { BrokerLog } from './broker.js';
import type { CredentialsProvider } from './connection/credentials.js';
import type { LivenessOptions } from './connection/heartbeat.js';
import type { PublishBufferOptions } from './publishing/publish-buffer.js';
import type { PublishingHalf } from './publishing/publisher.js';
import type { SubscriberOptions } from './subscribing/node-subscriber.js';
import type { ProbePublisher } from './subscribing/subscriber.js';

/** What both halves of a broker are given, over whichever topology. */
export interface HalfOptions {
  /** Asked before each attempt to connect; not for a client of the user's own. */
  readonly credentials?: CredentialsProvider | undefined;
  readonly liveness: LivenessOptions;
  readonly probe: ProbeOptions;
  readonly buffer: PublishBufferOptions | false;
  /** Whether what is published in one tick goes out together. */
  readonly batches: boolean;
  /** Whether subscribers are to have a message before the publisher hears of it. */
  readonly deliversFirst: boolean;
  /** Whether shard channels are what is published and subscribed to from the start. */
  readonly isSharded: boolean;
  readonly log: BrokerLog;
}

export interface ProbeOptions {
  /** Where probes are published: channels that begin with this, which are nobody else's. */
  readonly start: string;
  /** How often it is looked whether messages arrive, in milliseconds; 0: never. */
  readonly interval: number;
}

/** What a subscriber of either kind is given, over whichever topology. */
export function subscriberOptions(
  { liveness, probe, log }: HalfOptions,
  publisher: ProbePublisher,
  isSharded: boolean,
): SubscriberOptions {
  return {
    kinds: isSharded ? ['shard'] : ['channel', 'pattern'],
    liveness,
    probe: {
      channel: isSharded ? `${probe.start}.shard` : probe.start,
      interval: probe.interval,
    },
    publisher,
    log,
  };
}

/** A publisher as a probe uses it. */
export function probeThrough(
  publisher: Pick<PublishingHalf, 'isReady' | 'publish' | 'restart'>,
  isSharded: boolean,
): ProbePublisher {
  return {
    get isReady() {
      return publisher.isReady;
    },
    publish: (channel) => publisher.publish(channel, '', isSharded),
    restart: (reason) => publisher.restart(reason),
  };
}
