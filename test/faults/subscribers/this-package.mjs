// An application with the module of this package.
import { NestFactory } from '@nestjs/core';
import { RedisPubSubModule, RedisPubSubServer, RedisPubSubService } from 'nestjs-redis-pubsub';
import { logger, moduleOf } from './nest.mjs';
import { readArguments, tell } from './tell.mjs';

const { options, channel } = readArguments();
tell('starting');
const module = moduleOf(channel, [RedisPubSubModule.forRoot(options)]);
const app = await NestFactory.createApplicationContext(module, { logger });
tell('ready');
app.get(RedisPubSubServer).status.subscribe((status) => {
  tell('status', { text: status });
  if (status === 'connected') tell('ready');
});
app
  .get(RedisPubSubService)
  .observe(channel, { onSubscribed: (gap) => gap && tell('gap', gap) })
  .subscribe();
