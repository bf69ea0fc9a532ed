// Plain JSON in both directions: a shell script publishes to a Nest handler, and reads what Nest publishes.
import { execFile, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import {
  BadRequestException,
  Catch,
  Injectable,
  Module,
  UseFilters,
  UsePipes,
  ValidationPipe,
  type RpcExceptionFilter,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Payload } from '@nestjs/microservices';
import { RedisPubSubModule, RedisPubSubService, Subscribe } from 'nestjs-redis-pubsub';
import { IsNumber, IsString } from 'class-validator';
import { EMPTY, type Observable } from 'rxjs';
import { connection, recordReceived, printReceived, runSample } from '../support/run-sample.js';

class Reading {
  @IsString()
  sensor!: string;

  @IsNumber()
  celsius!: number;
}

/** Prints one line for an invalid payload, instead of the stack trace that Nest would log. */
@Catch(BadRequestException)
class InvalidPayloadFilter implements RpcExceptionFilter<BadRequestException> {
  catch(error: BadRequestException): Observable<never> {
    const { message } = error.getResponse() as { message: string[] };
    recordReceived(`refused: ${message.join('; ')}`);
    return EMPTY;
  }
}

@Injectable()
@UsePipes(new ValidationPipe({ whitelist: true, transform: true }))
@UseFilters(new InvalidPayloadFilter())
class Thermometer {
  @Subscribe('reading')
  onReading(@Payload() { sensor, celsius }: Reading): void {
    recordReceived(`the handler receives: ${sensor} ${celsius} °C`);
  }
}

// The codec applies to messages that Nest sends. With the default codec a handler receives bare JSON too.
@Module({
  imports: [RedisPubSubModule.forRoot({ connection, prefix: 'weather:', codec: 'json' })],
  providers: [Thermometer],
})
class WeatherModule {}

const pathOf = (script: string): string => fileURLToPath(new URL(script, import.meta.url));
await runSample(async () => {
  const app = await NestFactory.createApplicationContext(WeatherModule, { logger: ['warn'] });
  await publishFromShell('weather:reading', '{"sensor":"roof","celsius":21.5}');
  await publishFromShell('weather:reading', '{"sensor":"roof","celsius":"warm"}');
  await publishFromShell('weather:reading', '{"sensor":"cellar","celsius":9}');

  console.log('$ subscribe.sh "$REDIS_URL" weather:alarm');
  const reader = spawn('sh', [pathOf('subscribe.sh'), connection, 'weather:alarm']);
  for await (const line of createInterface(reader.stdout)) {
    console.log(`  ${line}`);
    // The line "1" is the acknowledgement of the first subscription.
    if (line === '1') await app.get(RedisPubSubService).publish('alarm', { sensor: 'roof' });
    if (line.startsWith('{')) reader.kill();
  }
  await app.close();
});

async function publishFromShell(channel: string, json: string): Promise<void> {
  console.log(`$ publish.sh "$REDIS_URL" ${channel} '${json}'`);
  await promisify(execFile)('sh', [pathOf('publish.sh'), connection, channel, json]);
  await printReceived(1);
}
