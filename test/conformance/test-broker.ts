import type { BrokerOptions } from '../../src/broker/broker-options.js';
import { RedisBroker } from '../../src/broker/redis-broker.js';
import type { TopologyOptions } from '../../src/broker/topology-provider.js';
import { closeAfterTest } from '../support/app.js';
import { CollectedLog } from './collector.js';

/** Creates a broker without publish buffer and probes, unless `options` set them. The caller closes it. */
export function createBroker(
  connection: TopologyOptions['connection'],
  options: Partial<BrokerOptions> = {},
): RedisBroker {
  return new RedisBroker({
    transport: 'test',
    connection,
    sharded: false,
    pingInterval: 3_000,
    pingTimeout: 3_000,
    probeInterval: 0,
    addressCheckInterval: 0,
    probePrefix: '_pubsub.probe',
    publishBuffer: false,
    batchPublishes: false,
    log: new CollectedLog(),
    ...options,
  });
}

/** As {@link createBroker}, but closed after the test. */
export function createTestBroker(
  connection: TopologyOptions['connection'],
  options?: Partial<BrokerOptions>,
): RedisBroker {
  const broker = createBroker(connection, options);
  closeAfterTest(() => broker.close());
  return broker;
}
