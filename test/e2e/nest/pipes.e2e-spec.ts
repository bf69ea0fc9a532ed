import { Controller, ParseIntPipe, UsePipes, ValidationPipe } from '@nestjs/common';
import { EventPattern, MessagePattern, Payload, RpcException } from '@nestjs/microservices';
import { Type } from 'class-transformer';
import { IsInt, IsString, Min, type ValidationError } from 'class-validator';
import { firstValueFrom } from 'rxjs';
import { beforeEach, describe, expect, it } from 'vitest';
import { ChannelParam, type RedisPubSubClient } from 'nestjs-redis-pubsub';
import { createClient, startService, type TestLog } from '../../support/app.js';
import { outcomeOf, startHybrid } from '../../support/nest-app.js';
import { eventually, useRedis } from '../../support/redis.js';

class OrderDto {
  @IsString()
  name!: string;

  @Type(() => Number)
  @IsInt()
  @Min(1)
  amount!: number;
}

const INTERNAL = { status: 'error', message: 'Internal server error' };

const seen: unknown[] = [];

const reportingPipe = new ValidationPipe({
  exceptionFactory: (errors: ValidationError[]) =>
    new RpcException({ status: 'invalid', fields: errors.map(({ property }) => property) }),
});

@Controller()
class Orders {
  @UsePipes(new ValidationPipe({ transform: true }))
  @EventPattern<string>('pipes.event')
  onEvent(@Payload() order: OrderDto): void {
    seen.push([order instanceof OrderDto, order.name, order.amount]);
  }

  @UsePipes(new ValidationPipe({ transform: true }))
  @EventPattern<string>('pipes.glob.*')
  onGlob(@Payload() order: OrderDto): void {
    seen.push([order instanceof OrderDto, order.name, order.amount]);
  }

  @EventPattern<string>('pipes.telling')
  onTelling(@Payload(reportingPipe) order: OrderDto): void {
    seen.push(order.name);
  }

  @UsePipes(new ValidationPipe({ transform: true }))
  @MessagePattern('pipes.request')
  request(@Payload() order: OrderDto): unknown {
    return [order instanceof OrderDto, order.amount];
  }

  @MessagePattern('pipes.request.telling')
  requestTelling(@Payload(reportingPipe) order: OrderDto): string {
    return order.name;
  }

  @EventPattern<string>('pipes.param.:id.event')
  onParam(
    @ChannelParam('id', ParseIntPipe) id: number,
    @Payload('amount', ParseIntPipe) amount: number,
    @Payload('name') name: string,
  ): void {
    seen.push([id, amount, name]);
  }

  @MessagePattern('pipes.param.:id.request')
  param(
    @ChannelParam('id', ParseIntPipe) id: number,
    @Payload('amount', ParseIntPipe) amount: number,
  ): number {
    return id + amount;
  }
}

describe('a pipe', () => {
  const redis = useRedis();
  let client: RedisPubSubClient;
  let log: TestLog;

  beforeEach(async () => {
    seen.length = 0;
    const options = { connection: redis.url };
    ({ log } = await startService({ module: class {}, controllers: [Orders] }, options));
    client = createClient(options);
  });

  const emit = (pattern: string, data: unknown): Promise<number> =>
    firstValueFrom(client.emit(pattern, data));

  it.each(['pipes.event', 'pipes.glob.x'])(
    'blocks an invalid event on %s, and the handler receives the next message',
    async (channel) => {
      await emit(channel, { name: 7, amount: 0 });
      await emit(channel, 'not even an object');
      await emit(channel, { name: 'tea', amount: '2' });
      await eventually(() => seen.length > 0);
      expect(seen).toEqual([[true, 'tea', 2]]);
    },
  );

  it('that rejects an event with an HttpException logs one warning, with the reason only', async () => {
    await emit('pipes.event', { name: 7, amount: 1 });
    await emit('pipes.event', { name: 'tea', amount: 1 });
    await eventually(() => seen.length > 0);
    expect(log.of('error')).toEqual([]);
    expect(log.of('warn')).toEqual([
      expect.stringMatching(/"pipes\.event".*name must be a string$/),
    ]);
  });

  it('that rejects an event with an RpcException logs one error with the channel', async () => {
    await emit('pipes.telling', { name: 7, amount: 1 });
    await emit('pipes.telling', { name: 'tea', amount: 1 });
    await eventually(() => seen.length > 0);
    expect(log.of('error')).toEqual([expect.stringMatching(/pipes\.telling.*name/s)]);
  });

  it('transforms the data of a request into the class of the parameter', async () => {
    const reply$ = client.send('pipes.request', { name: 'tea', amount: '2' });
    expect(await outcomeOf(reply$)).toEqual({ values: [[true, 2]] });
  });

  it('that rejects a request with an HttpException sends "Internal server error" to the caller', async () => {
    const reply$ = client.send('pipes.request', { name: 7, amount: 1 });
    expect(await outcomeOf(reply$)).toEqual({ values: [], error: INTERNAL });
    await eventually(() => log.of('warn').length > 0);
    expect(log.of('warn')).toEqual([expect.stringMatching(/"pipes\.request".*exceptionFactory/)]);
  });

  it('that rejects a request with an RpcException sends it to the caller and logs nothing', async () => {
    const reply$ = client.send('pipes.request.telling', { name: 7, amount: 0 });
    expect(await outcomeOf(reply$)).toEqual({
      values: [],
      error: { status: 'invalid', fields: ['name', 'amount'] },
    });
    expect([...log.of('error'), ...log.of('warn')]).toEqual([]);
  });

  it('transforms a parameter of the channel and a field of the payload', async () => {
    await emit('pipes.param.42.event', { amount: '8', name: 'tea' });
    await eventually(() => seen.length > 0);
    expect(seen).toEqual([[42, 8, 'tea']]);
    const reply$ = client.send('pipes.param.42.request', { amount: '8' });
    expect(await outcomeOf(reply$)).toEqual({ values: [50] });
  });

  it('can reject a parameter of the channel, and the handler receives the next message', async () => {
    await emit('pipes.param.many.event', { amount: '8', name: 'tea' });
    await emit('pipes.param.1.event', { amount: '8', name: 'milk' });
    await eventually(() => seen.length > 0);
    expect(seen).toEqual([[1, 8, 'milk']]);
    const reply$ = client.send('pipes.param.many.request', { amount: '8' });
    expect(await outcomeOf(reply$)).toEqual({ values: [], error: INTERNAL });
  });

  it('of useGlobalPipes applies in a hybrid application with inheritAppConfig: true', async () => {
    @Controller()
    class Plain {
      @MessagePattern('pipes.global')
      handle(@Payload() order: OrderDto): unknown {
        return [order instanceof OrderDto, order.amount];
      }
    }
    await startHybrid(
      { module: class {}, controllers: [Plain] },
      { connection: redis.url },
      {
        inheritAppConfig: true,
        configure: (app) => app.useGlobalPipes(new ValidationPipe({ transform: true })),
      },
    );
    const valid$ = client.send('pipes.global', { name: 'tea', amount: '3' });
    expect(await outcomeOf(valid$)).toEqual({ values: [[true, 3]] });
    const invalid$ = client.send('pipes.global', { name: 'tea', amount: '0' });
    expect(await outcomeOf(invalid$)).toEqual({ values: [], error: INTERNAL });
  });
});
