import { InvalidOptionError } from '../errors.js';
import { withoutText } from '../shared/clean-error.js';
import { isPubSubClient, type RedisPubSubClient } from '../transport/client/redis-pubsub.client.js';
import { isPubSubServer, type RedisPubSubServer } from '../transport/server/redis-pubsub.server.js';
import { createRecorders } from './instruments.js';
import { resolveTracingOptions, type PubSubTracingOptions } from './options.js';
import { traceServer } from './process-spans.js';
import { traceClient } from './publish-spans.js';
import { hasSdk } from './sdk.js';

const traced = new WeakSet<object>();

/**
 * Traces and measures what a server handles, or what a client publishes: for those that no module provides. Call it once
 * for each, before it listens or connects, and after the SDK is started.
 *
 * Returns a function that ends it. Where no SDK of OpenTelemetry is registered at this call, nothing is traced, and
 * nothing is paid.
 *
 * @throws InvalidOptionError for a wrong option, for another value than a server or a client, and for one that is traced
 *   already
 */
export function tracePubSub(
  target: RedisPubSubServer | RedisPubSubClient,
  options: PubSubTracingOptions = {},
): () => void {
  const resolved = resolveTracingOptions(options);
  const isServer = isPubSubServer(target);
  if (!isServer && !isPubSubClient(target)) {
    throw new InvalidOptionError(
      'target',
      'a RedisPubSubServer or a RedisPubSubClient',
      withoutText(target),
    );
  }
  if (!hasSdk()) return () => {};
  if (traced.has(target)) {
    throw new InvalidOptionError(
      `Expected a ${isServer ? 'server' : 'client'} that is not traced yet: PubSubTracingModule traces those of all modules`,
    );
  }
  traced.add(target);
  const recorders = createRecorders();
  const stop = isServer
    ? traceServer(target, recorders, resolved)
    : traceClient(target, recorders, resolved);
  return () => {
    traced.delete(target);
    stop();
  };
}
