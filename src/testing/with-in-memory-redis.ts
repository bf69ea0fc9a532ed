import type { INestApplicationContext, InjectionToken } from '@nestjs/common';
import { isTopologyProvider } from '../broker/topology-provider.js';
import { InvalidOptionError, shorten } from '../errors.js';
import { isPubSubClient, withConnection } from '../transport/client/redis-pubsub.client.js';
import { ownConnectionOf } from '../transport/own-connection.js';
import { InMemoryRedis } from './in-memory-redis.js';
import { onScanned, startWithin, type Builder } from './nest-internals.js';

/**
 * Puts an in-memory Redis in the place of every Redis of a testing module, and returns its builder. The application stays
 * as it is. This covers each `RedisPubSubModule`, each `RedisPubSubClient` of `ClientsModule`, and what providers create
 * until the application has started, also in hooks such as `onModuleInit`. Modules that it loads later count, too.
 *
 * The module does not compile, with an `InvalidOptionError`, if a provider has `useValue: new RedisPubSubServer(…)` or
 * `new PubSubInspector(…)`: such a value has its connections already. Write `useFactory`.
 *
 * @param builder - What `Test.createTestingModule` returns.
 * @param redis - Several testing modules with the same one exchange messages. Default: a new one.
 * @see https://docs.nestjs.com/fundamentals/testing
 */
export function withInMemoryRedis<B extends Builder>(builder: B, redis = new InMemoryRedis()): B {
  const kept = new Set<unknown>();
  onScanned(builder, {
    onScanned: (replace) =>
      replace((value) => {
        if (hasRealConnection(value)) kept.add(value);
        // `ClientsModule.register` created it when its file was loaded, with this hook.
        const client = isPubSubClient(value) ? withConnection(value, redis) : undefined;
        return client && Object.assign(client, { onApplicationShutdown: () => client.close() });
      }),
    onOverridden: (replace) =>
      replace((value, token) => {
        if (kept.has(value)) throw createdTooEarly(value as object, token);
        return undefined;
      }),
  });
  const compile = builder.compile.bind(builder);
  builder.compile = async (...args) => {
    const module = await redis.run(() => compile(...args));
    // A hook such as `onModuleInit` may create clients, too.
    startWithin(module as INestApplicationContext, (work) => redis.run(work));
    return module;
  };
  return builder;
}

function hasRealConnection(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const connection = ownConnectionOf(value);
  return connection !== undefined && !isTopologyProvider(connection);
}

function createdTooEarly({ constructor: { name } }: object, token: InjectionToken): Error {
  const provider = typeof token === 'function' ? token.name : String(token);
  const given = `useFactory: () => new ${name}(…)`;
  return new InvalidOptionError(
    `Expected the provider "${shorten(provider)}" to have ${given}: withInMemoryRedis cannot replace the Redis of a value that was created before`,
  );
}
