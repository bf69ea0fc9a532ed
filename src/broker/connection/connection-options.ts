import type { ConnectionError } from '../../errors.js';
import type { BrokerLog } from '../broker.js';
import type { LivenessOptions } from './heartbeat.js';
import type { MasterWatch } from '../sentinel/master-watch.js';

export interface ConnectionOptions {
  readonly role: 'publisher' | 'subscriber';
  /** Whether the client is ours to connect, watch and close, or a user's. */
  readonly isOwned: boolean;
  readonly liveness: LivenessOptions;
  /** Watches that the server is still the master, where sentinels say who is. */
  readonly masterWatch?: MasterWatch;
  readonly log: BrokerLog;
}

/** Someone who is told what becomes of a connection. */
export interface ConnectionObserver {
  onReady(): void;
  onLost(): void;
  /** It will not come back. */
  onEnded(error: ConnectionError): void;
}
