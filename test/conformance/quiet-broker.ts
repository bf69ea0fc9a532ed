import type { BrokerOptions } from '../../src/broker/broker-options.js';
import { RedisBroker } from '../../src/broker/redis-broker.js';
import type { RedisConnection } from '../../src/broker/connection/redis-connection.js';
import { closeAfterTest } from '../support/app.js';
import { CollectedLog } from './collector.js';

/** A broker without a buffer and probes, but for what is given; it is the test that closes it. */
export function createBroker(
  connection: RedisConnection,
  options: Partial<BrokerOptions> = {},
): RedisBroker {
  return new RedisBroker({
    connection,
    sharded: false,
    pingInterval: 3_000,
    pingTimeout: 3_000,
    probeInterval: 0,
    probePrefix: '_pubsub.probe',
    publishBuffer: false,
    batchPublishes: false,
    log: new CollectedLog(),
    ...options,
  });
}

/** As {@link createBroker}; closed after the test. */
export function quietBroker(
  connection: RedisConnection,
  options?: Partial<BrokerOptions>,
): RedisBroker {
  const broker = createBroker(connection, options);
  closeAfterTest(() => broker.close());
  return broker;
}
