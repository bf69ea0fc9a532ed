import {
  Body,
  Controller,
  Get,
  HttpCode,
  Inject,
  Post,
  type INestApplication,
} from '@nestjs/common';
import {
  ClientsModule,
  EventPattern,
  MessagePattern,
  RpcException,
  type ClientProxy,
} from '@nestjs/microservices';
import { catchError, forkJoin, from, map, of, reduce, type Observable } from 'rxjs';
import request from 'supertest';
import { beforeEach, describe, expect, it } from 'vitest';
import { RedisPubSubClient } from 'nestjs-redis-pubsub';
import { startHybrid } from '../../support/nest-app.js';
import { eventually, useRedis } from '../../support/redis.js';

const add = (numbers: number[]): number => numbers.reduce((sum, number) => sum + number, 0);

const notified: unknown[] = [];

@Controller('math')
class MathController {
  constructor(@Inject('MATH') private readonly client: ClientProxy) {}

  @Post('sum')
  @HttpCode(200)
  sum(@Body() numbers: number[]): Observable<unknown> {
    return this.client.send({ cmd: 'http.sum' }, numbers);
  }

  @Post('async')
  @HttpCode(200)
  async(@Body() numbers: number[]): Observable<unknown> {
    return this.client.send({ cmd: 'http.async' }, numbers);
  }

  @Post('stream')
  @HttpCode(200)
  stream(@Body() numbers: number[]): Observable<number> {
    return this.client
      .send<number>({ cmd: 'http.stream' }, numbers)
      .pipe(reduce((sum, number) => sum + number, 0));
  }

  @Post('concurrent')
  @HttpCode(200)
  concurrent(@Body() lists: number[][]): Observable<unknown[]> {
    return forkJoin(lists.map((numbers) => this.client.send({ cmd: 'http.async' }, numbers)));
  }

  @Get('error')
  error(): Observable<unknown> {
    return this.client.send({ cmd: 'http.error' }, {}).pipe(
      map((reply) => ({ reply })),
      catchError((error: unknown) => of({ error })),
    );
  }

  @Post('notify')
  @HttpCode(200)
  notify(@Body() note: object): Observable<unknown> {
    return this.client
      .emit('http.notified', note)
      .pipe(map((receivers: number) => ({ receivers })));
  }

  @MessagePattern({ cmd: 'http.sum' })
  addAll(numbers: number[]): number {
    return add(numbers);
  }

  @MessagePattern({ cmd: 'http.async' })
  async addAllLater(numbers: number[]): Promise<number> {
    return add(await Promise.resolve(numbers));
  }

  @MessagePattern({ cmd: 'http.stream' })
  each(numbers: number[]): Observable<number> {
    return from(numbers);
  }

  @MessagePattern({ cmd: 'http.error' })
  fail(): never {
    throw new RpcException('no such sum');
  }

  @EventPattern('http.notified')
  onNotified(note: unknown): void {
    notified.push(note);
  }
}

describe('an HTTP application that is its own microservice', () => {
  const redis = useRedis();
  let app: INestApplication;

  beforeEach(async () => {
    notified.length = 0;
    const options = { connection: redis.url };
    const client = { name: 'MATH', customClass: RedisPubSubClient, options };
    const imports = [ClientsModule.register([client])];
    const module = { module: class {}, imports, controllers: [MathController] };
    ({ app } = await startHybrid(module, options));
  });

  const post = async (path: string, body: object): Promise<unknown> => {
    const response = await request(app.getHttpServer()).post(path).send(body).expect(200);
    return JSON.parse(response.text) as unknown;
  };

  it('answers with the value that a handler returns', async () => {
    expect(await post('/math/sum', [1, 2, 3, 4, 5])).toBe(15);
  });

  it('answers with the value that a handler’s promise resolves with', async () => {
    expect(await post('/math/async', [1, 2, 3, 4, 5])).toBe(15);
  });

  it('answers with all values of a stream', async () => {
    expect(await post('/math/stream', [1, 2, 3, 4, 5])).toBe(15);
  });

  it('gives each of several concurrent requests its own reply', async () => {
    const lists = Array.from({ length: 50 }, (_, i) => [i, i + 1, 2 * i]);
    expect(await post('/math/concurrent', lists)).toEqual(lists.map(add));
  });

  it('gives each concurrent HTTP request its own reply', async () => {
    const sums = Array.from({ length: 20 }, (_, i) => post('/math/sum', [i, 100]));
    expect(await Promise.all(sums)).toEqual(Array.from({ length: 20 }, (_, i) => i + 100));
  });

  it('passes the RpcException of a handler to the caller', async () => {
    const response = await request(app.getHttpServer()).get('/math/error').expect(200);
    expect(response.body).toEqual({ error: { status: 'error', message: 'no such sum' } });
  });

  it('handles the event that a controller emits, and emit gives the number of receivers', async () => {
    expect(await post('/math/notify', { text: 'hi' })).toEqual({ receivers: 1 });
    await eventually(() => notified.length > 0);
    expect(notified).toEqual([{ text: 'hi' }]);
  });
});
