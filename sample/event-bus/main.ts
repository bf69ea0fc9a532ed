// An event bus with the prefix "events:". An application with another prefix receives none of its events.
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Payload } from '@nestjs/microservices';
import { Channel, RedisPubSubClient, RedisPubSubModule, Subscribe } from 'nestjs-redis-pubsub';
import { firstValueFrom } from 'rxjs';
import { connection, recordReceived, printReceived, runSample } from '../support/run-sample.js';

interface OrderEvent {
  readonly orderId: number;
}

@Injectable()
class Invoicing {
  @Subscribe('order.created') // SUBSCRIBE events:order.created
  onCreated(@Payload() { orderId }: OrderEvent): void {
    recordReceived(`invoicing receives order.created of order ${orderId}`);
  }
}

@Injectable()
class AuditLog {
  @Subscribe('order.*') // PSUBSCRIBE events:order.*
  onOrder(@Channel() channel: string, @Payload() { orderId }: OrderEvent): void {
    recordReceived(`the audit log receives ${channel} of order ${orderId}`);
  }
}

@Module({
  imports: [RedisPubSubModule.forRoot({ connection, prefix: 'events:' })],
  providers: [Invoicing, AuditLog],
})
class ShopModule {}

@Injectable()
class OtherApplication {
  @Subscribe('*') // PSUBSCRIBE other:*
  onAnything(@Channel() channel: string, @Payload() { orderId }: OrderEvent): void {
    recordReceived(`the other application receives ${channel} of order ${orderId}`);
  }
}

@Module({
  imports: [RedisPubSubModule.forRoot({ connection, prefix: 'other:' })],
  providers: [OtherApplication],
})
class OtherModule {}

await runSample(async () => {
  const shop = await NestFactory.createApplicationContext(ShopModule, { logger: ['warn'] });
  const other = await NestFactory.createApplicationContext(OtherModule, { logger: ['warn'] });
  await emit('events:', shop.get(RedisPubSubClient), 'order.created', { orderId: 1 });
  await emit('events:', shop.get(RedisPubSubClient), 'order.paid', { orderId: 1 });
  await emit('other:', other.get(RedisPubSubClient), 'order.created', { orderId: 2 });
  await Promise.all([shop.close(), other.close()]);
});

/** Redis counts the exact handler and the pattern handler as two subscriptions. */
async function emit(prefix: string, bus: RedisPubSubClient, channel: string, event: OrderEvent) {
  const receivers = await firstValueFrom(bus.emit(channel, event));
  console.log(`→ ${prefix}${channel} (${receivers} delivered)`);
  await printReceived(receivers);
}
