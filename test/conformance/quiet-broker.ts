import { RedisBroker, type RedisBrokerOptions } from '../../src/broker/redis-broker.js';
import type { RedisConnection } from '../../src/broker/connection/create-clients.js';
import { closeAfterTest } from '../support/app.js';
import { CollectedLog } from './collector.js';

/** A broker without a buffer and probes, but for what is given; it is the test that closes it. */
export function createBroker(
  connection: RedisConnection,
  options: Partial<RedisBrokerOptions> = {},
): RedisBroker {
  return new RedisBroker({
    connection,
    liveness: { interval: 3_000, timeout: 3_000 },
    probe: { start: '_pubsub.probe', interval: 0 },
    isSharded: false,
    batches: false,
    deliversFirst: false,
    buffer: false,
    log: new CollectedLog(),
    ...options,
  });
}

/** As {@link createBroker}; closed after the test. */
export function quietBroker(
  connection: RedisConnection,
  options?: Partial<RedisBrokerOptions>,
): RedisBroker {
  const broker = createBroker(connection, options);
  closeAfterTest(() => broker.close());
  return broker;
}
