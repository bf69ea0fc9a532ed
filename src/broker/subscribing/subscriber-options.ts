import type { BrokerLog } from '../broker.js';
import type { DeliveryProbeOptions } from './delivery-probe.js';
import type { Guide } from '../connection/open.js';
import type { LivenessOptions } from '../connection/heartbeat.js';
import type { ReconcilerOptions } from './reconciler.js';
import type { MasterWatch } from '../sentinel/master-watch.js';
import type { ProbePublisher } from './subscriber.js';

export interface SubscriberOptions extends ReconcilerOptions {
  readonly liveness: LivenessOptions;
  readonly log: BrokerLog;
  readonly probe: DeliveryProbeOptions;
  /** Publishes what the probe listens for. */
  readonly publisher: ProbePublisher;
  readonly guide?: Guide;
  readonly masterWatch?: MasterWatch;
  /** How long a message may be on its way to the server that this is connected to, in milliseconds. */
  readonly detour?: number;
}

/** Someone who is told what becomes of a subscriber. */
export interface SubscriberObserver {
  /** The connection, or what is subscribed over it, is no longer as it was. */
  onChange(): void;
  /** Redis says that some shard channel is no longer, or not, for this connection. */
  onElsewhere?(): void;
}
