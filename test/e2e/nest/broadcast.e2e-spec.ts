import { Controller, Get, Inject } from '@nestjs/common';
import { ClientsModule, MessagePattern, type ClientProxy } from '@nestjs/microservices';
import { Observable, scan, take } from 'rxjs';
import request from 'supertest';
import { describe, expect, it } from 'vitest';
import { RedisPubSubClient } from 'nestjs-redis-pubsub';
import { createClient } from '../../support/app.js';
import { outcomeOf, startHybrid } from '../../support/nest-app.js';
import { useRedis } from '../../support/redis.js';

@Controller('broadcast')
class BroadcastController {
  constructor(@Inject('BROADCAST') private readonly client: ClientProxy) {}

  @Get()
  count(): Observable<number> {
    return this.client.send<number>({ cmd: 'broadcast' }, {}).pipe(
      scan((sum, one) => sum + one),
      take(2),
    );
  }

  @MessagePattern({ cmd: 'broadcast' })
  answer(): Observable<number> {
    return new Observable((observer) => observer.next(1));
  }
}

describe('a request that two applications answer', () => {
  const redis = useRedis();

  async function startTwo(): Promise<Awaited<ReturnType<typeof startHybrid>>[]> {
    const connection = redis.url;
    const options = { connection, shutdownTimeout: 10 };
    const client = {
      name: 'BROADCAST',
      customClass: RedisPubSubClient,
      options: { connection },
    };
    const module = (): object => ({
      module: class {},
      imports: [ClientsModule.register([client])],
      controllers: [BroadcastController],
    });
    return [await startHybrid(module(), options), await startHybrid(module(), options)];
  }

  it('receives the replies of both', async () => {
    const [one] = await startTwo();
    const response = await request(one?.app.getHttpServer()).get('/broadcast').expect(200);
    expect(response.text).toBe('2');
  });

  it('receives both replies also on a client outside the applications', async () => {
    await startTwo();
    const client = createClient({ connection: redis.url });
    const replies$ = client.send<number>({ cmd: 'broadcast' }, {}).pipe(
      scan((sum, one) => sum + one),
      take(2),
    );
    expect(await outcomeOf(replies$)).toEqual({ values: [1, 2] });
  });
});
