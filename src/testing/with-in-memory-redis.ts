import type { INestApplicationContext } from '@nestjs/common';
import { isPubSubClient, withConnection } from '../transport/client/redis-pubsub.client.js';
import { InMemoryRedis } from './in-memory-redis.js';
import { onScanned, startWithin, type Builder } from './nest-internals.js';

/**
 * Puts an in-memory Redis in the place of every Redis of a testing module, and returns its builder. The application stays
 * as it is. This covers each `RedisPubSubModule`, each `RedisPubSubClient` of `ClientsModule`, and what providers create
 * until the application has started, also in hooks such as `onModuleInit`. Modules that it loads later count, too.
 *
 * @param builder - What `Test.createTestingModule` returns.
 * @param redis - Several testing modules with the same one exchange messages. Default: a new one.
 * @see https://docs.nestjs.com/fundamentals/testing
 */
export function withInMemoryRedis<B extends Builder>(builder: B, redis = new InMemoryRedis()): B {
  onScanned(builder, (replace) =>
    replace((value) => {
      // `ClientsModule.register` created it when its file was loaded, with this hook.
      const client = isPubSubClient(value) ? withConnection(value, redis) : undefined;
      return client && Object.assign(client, { onApplicationShutdown: () => client.close() });
    }),
  );
  const compile = builder.compile.bind(builder);
  builder.compile = async (...args) => {
    const module = await redis.run(() => compile(...args));
    // A hook such as `onModuleInit` may create clients, too.
    startWithin(module as INestApplicationContext, (work) => redis.run(work));
    return module;
  };
  return builder;
}
