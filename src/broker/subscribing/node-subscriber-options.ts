import type { ChannelKind } from '../../channel/subscription-key.js';
import type { BrokerOptions } from '../broker-options.js';
import type { NodeDiscovery } from '../connection/open.js';
import type { ServerWatch } from '../connection/server-watch.js';
import type { ProbePublisher } from '../publishing/publisher.js';
import type { ReconcilerOptions } from './reconciler.js';

/** How a `NodeSubscriber` works. */
export interface NodeSubscriberOptions
  extends
    Pick<BrokerOptions, 'pingInterval' | 'pingTimeout' | 'probeInterval' | 'probePrefix' | 'log'>,
    Pick<ReconcilerOptions, 'transport' | 'split'> {
  /** What it subscribes to: classic channels and patterns, or shard channels. */
  readonly kind: ChannelKind;
  /** Publishes the probes. */
  readonly publisher: ProbePublisher;
  readonly discovery?: NodeDiscovery;
  readonly serverWatch?: ServerWatch | undefined;
  /** How long a message may take from another node of a Cluster to this one, in milliseconds. */
  readonly busDelayMs?: number;
}

/** Observes a `NodeSubscriber`. */
export interface NodeSubscriberObserver {
  /** A property of the subscriber has changed. */
  onChange(): void;
  /** Redis reports that another node serves a shard channel. */
  onRedirect?(): void;
}
