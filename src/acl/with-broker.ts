import type { Broker, MasterAnswer } from '../broker/broker.js';
import type { RedisPubSubOptions } from '../options/options.js';
import { resolveOptions } from '../options/resolve-options.js';
import { MessageBus } from '../transport/message-bus.js';
import { isAtLeast, versionIn, type ServerVersion } from './right.js';

/** How long a connection may take. */
const CONNECT_TIMEOUT_MS = 5_000;

/** Uses connections of their own, and closes them. Rejects with a `ConnectionError` if there are none. */
export async function withBroker<Result>(
  options: Pick<RedisPubSubOptions, 'connection' | 'credentials'>,
  use: (broker: Broker) => Promise<Result>,
): Promise<Result> {
  const timers = { probeInterval: 0, addressCheckInterval: 0 };
  const bus = new MessageBus(resolveOptions('RedisPubSubClient', { ...options, ...timers }));
  try {
    await bus.broker.connect(CONNECT_TIMEOUT_MS);
    return await use(bus.broker);
  } finally {
    await bus.close();
  }
}

/**
 * The version of the oldest server; `undefined` if none tells it. In a Cluster every node has to accept the rules.
 *
 * @see https://redis.io/docs/latest/commands/info/
 */
export async function askVersion(broker: Broker): Promise<ServerVersion | undefined> {
  const answers = await broker.callMasters('INFO', 'server');
  const versions = answers.flatMap(({ answer }: MasterAnswer) => versionIn(answer) ?? []);
  return versions.toSorted((one, other) => (isAtLeast(one, other) ? 1 : -1))[0];
}
