// Redis reports changes of keys, whichever program makes them. One service ends sessions that have expired, and
// reloads settings that another program writes. Neither of them publishes anything.
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Redis } from 'ioredis';
import { KeyEvent, KeyParam, OnKey, OnKeyEvent, RedisPubSubModule } from 'nestjs-redis-pubsub';
import { connection, recordReceived, printReceived, runSample } from '../support/run-sample.js';

@Injectable()
class Sessions {
  @OnKeyEvent('expired', 'shop:session::id') // SUBSCRIBE __keyevent@0__:expired
  onExpired(@KeyParam('id') id: string): void {
    recordReceived(`session ${id} has expired`);
  }
}

@Injectable()
class Settings {
  @OnKey('shop:settings::name', { events: ['set', 'del'] }) // PSUBSCRIBE __keyspace@0__:shop:settings:*
  onChange(@KeyParam('name') name: string, @KeyEvent() event: string): void {
    recordReceived(`settings of ${name}: ${event}`);
  }
}

@Module({
  // "set" switches on in Redis what the handlers need. Without it, a warning names what is missing.
  imports: [RedisPubSubModule.forRoot({ connection, notify: 'set' })],
  providers: [Sessions, Settings],
})
class ShopModule {}

await runSample(async () => {
  const app = await NestFactory.createApplicationContext(ShopModule, { logger: ['warn'] });
  // Stands for another program, in any language.
  const redis = new Redis(connection);
  console.log('SET shop:session:42 ada PX 50');
  await redis.set('shop:session:42', 'ada', 'PX', 50);
  await printReceived(1);
  console.log('SET shop:settings:theme dark');
  await redis.set('shop:settings:theme', 'dark');
  await printReceived(1);
  console.log('SET shop:other 1, which no handler is for, and DEL shop:settings:theme');
  await redis.set('shop:other', '1');
  await redis.del('shop:other', 'shop:settings:theme');
  await printReceived(1);
  redis.disconnect();
  await app.close();
});
