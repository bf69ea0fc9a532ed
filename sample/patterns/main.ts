// The forms of a pattern, the metadata of a message, and the handlers that each message reaches.
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Ctx, Payload } from '@nestjs/microservices';
import {
  Channel,
  ChannelParam,
  MessageHeader,
  RedisPubSubContext,
  RedisPubSubModule,
  RedisPubSubRecordBuilder,
  RedisPubSubService,
  Subscribe,
} from 'nestjs-redis-pubsub';
import { connection, recordReceived, printReceived, runSample } from '../support/run-sample.js';

@Injectable()
class Handlers {
  @Subscribe('user.created') // a literal: SUBSCRIBE
  literal(@Payload() name: string): void {
    recordReceived(`user.created receives "${name}"`);
  }

  @Subscribe(['user.created', 'user.renamed']) // several channels for one handler
  several(@Channel() channel: string): void {
    recordReceived(`user.created or user.renamed receives ${channel}`);
  }

  @Subscribe('user.*') // any text, separators included: PSUBSCRIBE
  glob(@Ctx() context: RedisPubSubContext): void {
    recordReceived(`${context.getPattern()} receives ${context.getChannel()}`);
  }

  @Subscribe('user.:id.inbox') // a parameter: one whole segment
  parameter(@ChannelParam('id') id: string, @Payload() text: string): void {
    recordReceived(`user.:id.inbox receives "${text}" for user ${id}`);
  }

  @Subscribe('disk.[a-c]?') // one of a, b, c, and one more character
  characters(@Channel() channel: string): void {
    recordReceived(`disk.[a-c]? receives ${channel}`);
  }

  @Subscribe('invoice.\\*') // an escaped star is a literal star: SUBSCRIBE
  escaped(@Channel() channel: string, @MessageHeader('tenant') tenant?: string): void {
    recordReceived(`invoice.\\* receives ${channel} of tenant ${tenant}`);
  }
}

@Module({
  imports: [RedisPubSubModule.forRoot({ connection, prefix: 'patterns:' })],
  providers: [Handlers],
})
class PatternsModule {}

await runSample(async () => {
  const app = await NestFactory.createApplicationContext(PatternsModule, { logger: ['error'] });
  const pubsub = app.get(RedisPubSubService);
  const invoice = new RedisPubSubRecordBuilder('#7').setHeader('tenant', 'acme').build();
  // Handlers of the same name share a subscription, to which Redis delivers each message once.
  const messages: [channel: string, data: unknown, handlers: number][] = [
    ['user.created', 'Ann', 3],
    ['user.renamed', 'Anna', 2],
    ['user.42.inbox', 'Hello', 2],
    ['user.42.outbox', 'Hello', 1],
    ['disk.b1', 'full', 1],
    ['disk.d1', 'full', 0],
    ['invoice.7', invoice, 0],
    ['invoice.*', invoice, 1],
  ];
  for (const [channel, data, handlers] of messages) {
    const receivers = await pubsub.publish(channel, data);
    console.log(`→ ${channel} (${receivers} delivered)`);
    await printReceived(handlers);
  }
  await app.close();
});
