// An event bus with the prefix "events:". Each event has the form { type, timestamp, data }, as plain JSON. An
// application with another prefix receives none of its events.
import { Injectable, Module, ValidationPipe } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Payload } from '@nestjs/microservices';
import { Channel, RedisPubSubModule, RedisPubSubService, Subscribe } from 'nestjs-redis-pubsub';
import { IsISO8601, IsObject, IsString } from 'class-validator';
import { connection, recordReceived, printReceived, runSample } from '../support/run-sample.js';

/** The form of every event. Any client of Redis can publish another one, so that the handlers check it. */
class BusEvent {
  @IsString()
  type!: string;

  @IsISO8601()
  timestamp!: string;

  @IsObject()
  data!: Record<string, string | number>;
}

@Injectable()
class EventBus {
  constructor(private readonly pubsub: RedisPubSubService) {}

  /** Resolves to the number of subscriptions that Redis delivered to: an exact handler and a pattern are two. */
  emit(type: string, data: Record<string, string | number>): Promise<number> {
    const event: BusEvent = { type, timestamp: new Date().toISOString(), data };
    // Bare JSON, which programs in other languages read as well.
    return this.pubsub.publish(type, event, { format: 'json' });
  }
}

@Injectable()
class Invoicing {
  @Subscribe('order.created') // SUBSCRIBE events:order.created
  onCreated(@Payload(new ValidationPipe()) { type, data }: BusEvent): void {
    recordReceived(`invoicing receives ${type} of order ${data.orderId}`);
  }
}

@Injectable()
class AuditLog {
  @Subscribe('order.*') // PSUBSCRIBE events:order.*
  onOrder(@Channel() channel: string, @Payload(new ValidationPipe()) event: BusEvent): void {
    recordReceived(`the audit log receives on ${channel}: ${withoutTime(event)}`);
  }
}

@Module({
  imports: [RedisPubSubModule.forRoot({ connection, prefix: 'events:' })],
  providers: [EventBus, Invoicing, AuditLog],
})
class ShopModule {}

@Injectable()
class OtherApplication {
  @Subscribe('*') // PSUBSCRIBE other:*
  onAnything(@Channel() channel: string, @Payload() { data }: BusEvent): void {
    recordReceived(`the other application receives ${channel} of order ${data.orderId}`);
  }
}

@Module({
  imports: [RedisPubSubModule.forRoot({ connection, prefix: 'other:' })],
  providers: [EventBus, OtherApplication],
})
class OtherModule {}

await runSample(async () => {
  const shop = await NestFactory.createApplicationContext(ShopModule, { logger: ['warn'] });
  const other = await NestFactory.createApplicationContext(OtherModule, { logger: ['warn'] });
  await emit('events:', shop.get(EventBus), 'order.created', { orderId: 1, total: 99.99 });
  await emit('events:', shop.get(EventBus), 'order.shipped', { orderId: 1, carrier: 'UPS' });
  await emit('other:', other.get(EventBus), 'order.created', { orderId: 2, total: 5 });
  await Promise.all([shop.close(), other.close()]);
});

async function emit(
  prefix: string,
  bus: EventBus,
  type: string,
  data: Record<string, string | number>,
) {
  const receivers = await bus.emit(type, data);
  console.log(`→ ${prefix}${type} (${receivers} delivered)`);
  await printReceived(receivers);
}

/** The event as JSON. The time is left out, since it differs in each run. */
function withoutTime({ type, data }: BusEvent): string {
  return JSON.stringify({ type, timestamp: '…', data });
}
