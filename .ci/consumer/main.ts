// A small application that uses the packed package, type checked and run by `.ci/peers`.
import 'reflect-metadata';
import assert from 'node:assert/strict';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  ClientProxyFactory,
  Ctx,
  EventPattern,
  MessagePattern,
  Payload,
} from '@nestjs/microservices';
import { Cluster, Redis } from 'ioredis';
import {
  buildChannel,
  ChannelParam,
  RedisPubSubClient,
  RedisPubSubContext,
  RedisPubSubModule,
  RedisPubSubRecordBuilder,
  RedisPubSubServer,
  RedisPubSubService,
  type RedisPubSubModuleOptions,
} from 'nestjs-redis-pubsub';
import { firstValueFrom, ReplaySubject } from 'rxjs';

const connection = { path: process.env.REDIS_SOCKET ?? '' };
const handled = new ReplaySubject<string>();

@Injectable()
class Handlers {
  @EventPattern<string>('user.:id')
  onUser(
    @ChannelParam('id') id: string,
    @Payload() user: { name: string },
    @Ctx() context: RedisPubSubContext,
  ): void {
    handled.next(`${context.getChannel()} ${id} ${user.name}`);
  }

  @MessagePattern('sum')
  sum(@Payload() values: number[]): number {
    return values.reduce((total, value) => total + value, 0);
  }
}

@Module({
  imports: [
    RedisPubSubModule.forRoot({ connection: new Redis({ ...connection, lazyConnect: true }) }),
  ],
  providers: [Handlers],
})
class AppModule {}

/** Connections that are only type checked. */
export const options: RedisPubSubModuleOptions[] = [
  { connection: { nodes: [{ host: 'node-1', port: 7_000 }], options: { redisOptions: {} } } },
  { connection: { sentinels: [{ host: 'sentinel-1', port: 26_379 }], name: 'main' } },
];
export const ofCluster = (cluster: Cluster): RedisPubSubModuleOptions => ({ connection: cluster });
export const strategy = (): RedisPubSubServer => new RedisPubSubServer({ connection });

async function main(): Promise<void> {
  const app = await NestFactory.createApplicationContext(AppModule, { logger: ['error'] });
  const events = app.get(RedisPubSubClient);
  const record = new RedisPubSubRecordBuilder({ name: 'Ada' }).setHeader('tenant', 'a').build();
  assert.equal(await firstValueFrom(events.emit(buildChannel('user.:id', { id: '1' }), record)), 1);
  assert.equal(await firstValueFrom(handled), 'user.1 1 Ada');
  assert.equal(await firstValueFrom(events.send<number>('sum', [1, 2])), 3);
  assert.equal(app.get(RedisPubSubService).status, 'connected');
  const client = ClientProxyFactory.create({
    customClass: RedisPubSubClient,
    options: { connection },
  });
  assert.equal(await firstValueFrom(client.send<number>('sum', [3, 4])), 7);
  await client.close();
  await app.close();
  // The client that the application created itself.
  process.exit(0);
}

void main();
