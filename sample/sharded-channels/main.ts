// Sharded channels in a Cluster of three masters: each channel lives at the master of its slot, and its messages stay
// there. So each further master carries more messages. This sample starts a Cluster of its own, and needs Redis 7.0.
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Payload } from '@nestjs/microservices';
import { Redis } from 'ioredis';
import { Channel, RedisPubSubModule, RedisPubSubService, Subscribe } from 'nestjs-redis-pubsub';
import { startPrivateCluster } from '../support/private-cluster.js';
import { printReceived, recordReceived } from '../support/received.js';

const REGIONS = ['orders.usa', 'orders.emea', 'orders.apac'];
/** The braces are a hash tag: channels with the same one are at the same master. */
const TENANT = ['{tenant-7}.orders', '{tenant-7}.payments'];
const CHANNELS = [...REGIONS, ...TENANT];

interface Order {
  readonly id: number;
}

@Injectable()
class Orders {
  @Subscribe(CHANNELS) // SSUBSCRIBE, at the master of each channel
  onOrder(@Channel() channel: string, @Payload() { id }: Order): void {
    recordReceived(`${channel} receives order ${id}`);
  }

  @Subscribe('audit.*', { sharded: false }) // Redis matches no glob with sharded messages: PSUBSCRIBE
  onAudit(@Channel() channel: string, @Payload() { id }: Order): void {
    recordReceived(`audit.* receives ${channel} of order ${id}`);
  }
}

const cluster = await startPrivateCluster();

@Module({
  imports: [RedisPubSubModule.forRoot({ connection: { nodes: cluster.nodes }, sharded: true })],
  providers: [Orders],
})
class ShopModule {}

try {
  // A warning says that no sharded message reaches the handler of "audit.*".
  const app = await NestFactory.createApplicationContext(ShopModule, { logger: ['error'] });
  const pubsub = app.get(RedisPubSubService);
  for (const [i, url] of cluster.nodes.entries()) {
    console.log(`master ${i + 1} has ${(await channelsAt(url)).join(', ')}`);
  }
  for (const [i, channel] of CHANNELS.entries()) {
    // SPUBLISH: all receivers are at one master, so that their number is right.
    const receivers = await pubsub.publish(channel, { id: i + 1 });
    console.log(`→ ${channel} (${receivers} delivered)`);
    await printReceived(1);
  }
  console.log('→ audit.order, at every master');
  await pubsub.publish('audit.order', { id: 6 }, { sharded: false });
  await printReceived(1);
  await app.close();
} finally {
  await cluster.stop();
}

/** The sharded channels of the sample with a subscriber at one master. */
async function channelsAt(url: string): Promise<string[]> {
  const redis = new Redis(url);
  const found = (await redis.call('PUBSUB', 'SHARDCHANNELS')) as string[];
  redis.disconnect();
  return CHANNELS.filter((channel) => found.includes(channel));
}
