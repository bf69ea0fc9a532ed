import { RedisBroker } from '../../src/broker/redis-broker.js';
import type { RedisConnection } from '../../src/broker/clients.js';
import { closeAfterTest } from '../support/app.js';

const SILENT = { log: () => undefined, warn: () => undefined, error: () => undefined };

/** A broker without a buffer, probes and a log; closed after the test. */
export function quietBroker(connection: RedisConnection): RedisBroker {
  const broker = new RedisBroker({
    connection,
    liveness: { interval: 3_000, timeout: 3_000 },
    probe: { start: '_pubsub.probe', interval: 0 },
    isSharded: false,
    batches: false,
    buffer: false,
    log: SILENT,
  });
  closeAfterTest(() => broker.close());
  return broker;
}
