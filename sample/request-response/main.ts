// One application sends requests to another: a reply, an error, a stream of replies, and no subscriber.
import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { MessagePattern, Payload, RpcException } from '@nestjs/microservices';
import { NoSubscribersError, RedisPubSubClient, RedisPubSubModule } from 'nestjs-redis-pubsub';
import { firstValueFrom, range, type Observable } from 'rxjs';
import { connection, runSample } from '../support/run-sample.js';

interface Division {
  readonly dividend: number;
  readonly divisor: number;
}

@Controller()
class MathController {
  @MessagePattern('sum')
  sum(@Payload() numbers: readonly number[]): number {
    return numbers.reduce((total, number) => total + number, 0);
  }

  @MessagePattern('divide')
  divide(@Payload() { dividend, divisor }: Division): number {
    // The caller receives the text of an RpcException. Of any other error it receives "Internal server error".
    if (divisor === 0) throw new RpcException('Cannot divide by zero');
    return dividend / divisor;
  }

  @MessagePattern('count')
  count(@Payload() to: number): Observable<number> {
    return range(1, to);
  }
}

@Module({
  imports: [RedisPubSubModule.forRoot({ connection, prefix: 'math:' })],
  controllers: [MathController],
})
class MathModule {}

@Module({ imports: [RedisPubSubModule.forRoot({ connection, prefix: 'math:' })] })
class CallerModule {}

await runSample(async () => {
  const math = await NestFactory.createApplicationContext(MathModule, { logger: ['warn'] });
  const caller = await NestFactory.createApplicationContext(CallerModule, { logger: ['warn'] });
  const client = caller.get(RedisPubSubClient);

  const sum = await firstValueFrom(client.send<number>('sum', [1, 2, 3]));
  console.log(`sum of 1, 2, 3: ${sum}`);

  const division: Division = { dividend: 1, divisor: 0 };
  await firstValueFrom(client.send('divide', division)).catch((error: { message: string }) => {
    console.log(`1 divided by 0: ${error.message}`);
  });

  await client.send<number>('count', 3).forEach((n) => console.log(`count to 3: ${n}`));

  await firstValueFrom(client.send('root', 2)).catch((error: unknown) => {
    if (!(error instanceof NoSubscribersError)) throw error;
    console.log(`root of 2: ${error.message}`);
  });

  await caller.close();
  await math.close();
});
