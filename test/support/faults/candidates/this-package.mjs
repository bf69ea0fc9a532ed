// An application with the module of this package.
import { NestFactory } from '@nestjs/core';
import { RedisPubSubModule, RedisPubSubServer, RedisPubSubService } from 'nestjs-redis-pubsub';
import { logger, moduleOf } from './nest.mjs';
import { readArguments, report } from './report.mjs';

const { options, channel } = readArguments();
report('starting');
const module = moduleOf(channel, [RedisPubSubModule.forRoot(options)]);
const app = await NestFactory.createApplicationContext(module, { logger });
report('ready');
app.get(RedisPubSubServer).status.subscribe((status) => {
  report('status', { text: status });
  if (status === 'connected') report('ready');
});
app
  .get(RedisPubSubService)
  .observe(channel, { onSubscribed: (gap) => gap && report('gap', gap) })
  .subscribe();
