import {
  Controller,
  Get,
  Inject,
  Injectable,
  Module,
  type INestApplication,
  type Type,
} from '@nestjs/common';
import {
  Client,
  ClientProxyFactory,
  ClientsModule,
  MessagePattern,
  type ClientProvider,
  type ClientProxy,
  type ClientsModuleOptionsFactory,
} from '@nestjs/microservices';
import { createServer, type AddressInfo } from 'node:net';
import { firstValueFrom, type Observable } from 'rxjs';
import request from 'supertest';
import { describe, expect, it } from 'vitest';
import { ClosedError, RedisPubSubClient } from 'nestjs-redis-pubsub';
import { closeAfterTest, createClient, startService } from '../../support/app.js';
import { linkStates, startHybrid } from '../../support/nest-app.js';
import { eventHandlers } from '../../support/handlers.js';
import { eventually, useRedis } from '../../support/redis.js';

@Controller()
class Doubler {
  @MessagePattern('clients.double')
  double(number: number): number {
    return 2 * number;
  }
}

const definitionFor = (connection: string): ClientProvider => ({
  customClass: RedisPubSubClient,
  options: { connection },
});

/** A controller that sends a request to the {@link Doubler} with the client under this token. */
function callerOf(token: string): Type<{ client: ClientProxy }> {
  @Controller()
  class Caller {
    constructor(@Inject(token) readonly client: ClientProxy) {}

    @Get()
    call(): Observable<unknown> {
      return this.client.send('clients.double', 21);
    }
  }
  return Caller;
}

const WORKS_AND_CLOSES = { answer: '42', open: ['ready', 'ready'], closed: ['end', 'end'] };

/** Sends one HTTP request and closes the application; gives the answer and the connection states. */
async function runAndClose(app: INestApplication, client: ClientProxy): Promise<unknown> {
  const response = await request(app.getHttpServer()).get('/').expect(200);
  const open = linkStates(client);
  await app.close();
  return { answer: response.text, open, closed: linkStates(client) };
}

describe('a client', () => {
  const redis = useRedis();
  const definition = (): ClientProvider => definitionFor(redis.url);

  async function runWith(imports: object[]): Promise<unknown> {
    const Caller = callerOf('DOUBLER');
    const module = { module: class {}, imports, controllers: [Doubler, Caller] };
    const { app } = await startHybrid(module, { connection: redis.url });
    return runAndClose(app, app.get(Caller).client);
  }

  it('of ClientsModule.register sends requests, and closes with the application', async () => {
    const imports = [ClientsModule.register([{ name: 'DOUBLER', ...definition() }])];
    expect(await runWith(imports)).toEqual(WORKS_AND_CLOSES);
  });

  it('of ClientsModule.register with isGlobal sends requests from another module', async () => {
    const clients = [{ name: 'DOUBLER', ...definition() }];
    const Caller = callerOf('DOUBLER');
    @Module({ controllers: [Caller] })
    class Feature {}
    const imports = [ClientsModule.register({ clients, isGlobal: true }), Feature];
    const module = { module: class {}, imports, controllers: [Doubler] };
    const { app } = await startHybrid(module, { connection: redis.url });
    expect(await runAndClose(app, app.get(Caller).client)).toEqual(WORKS_AND_CLOSES);
  });

  it('of ClientsModule.registerAsync with a factory sends requests, and closes with the application', async () => {
    @Module({ providers: [{ provide: 'URL', useFactory: () => redis.url }], exports: ['URL'] })
    class Config {}
    const imports = [
      ClientsModule.registerAsync([
        { name: 'DOUBLER', imports: [Config], inject: ['URL'], useFactory: definitionFor },
      ]),
    ];
    expect(await runWith(imports)).toEqual(WORKS_AND_CLOSES);
  });

  it('of ClientsModule.registerAsync with a class sends requests, and closes with the application', async () => {
    @Injectable()
    class Factory implements ClientsModuleOptionsFactory {
      createClientOptions(): Promise<ClientProvider> {
        return Promise.resolve(definition());
      }
    }
    const imports = [ClientsModule.registerAsync([{ name: 'DOUBLER', useClass: Factory }])];
    expect(await runWith(imports)).toEqual(WORKS_AND_CLOSES);
  });

  it('of @Client sends requests, and closes with the application', async () => {
    @Controller()
    class Caller {
      @Client(definition())
      readonly client!: ClientProxy;

      @Get()
      call(): Observable<unknown> {
        return this.client.send('clients.double', 21);
      }
    }
    const module = { module: class {}, controllers: [Doubler, Caller] };
    const { app } = await startHybrid(module, { connection: redis.url });
    expect(await runAndClose(app, app.get(Caller).client)).toEqual(WORKS_AND_CLOSES);
  });

  it('of ClientProxyFactory.create sends requests, and closes with close()', async () => {
    await startService({ module: class {}, controllers: [Doubler] }, { connection: redis.url });
    const client = ClientProxyFactory.create(definition());
    closeAfterTest(async () => client.close());
    expect(await firstValueFrom(client.send<number>('clients.double', 21))).toBe(42);
    await client.close();
    expect(linkStates(client)).toEqual(['end', 'end']);
  });

  it('connects again for a request after close()', async () => {
    await startService({ module: class {}, controllers: [Doubler] }, { connection: redis.url });
    const client = createClient({ connection: redis.url });
    expect(await firstValueFrom(client.send('clients.double', 1))).toBe(2);
    await client.close();
    expect(await firstValueFrom(client.send('clients.double', 2))).toBe(4);
  });

  it('that closes while it connects publishes pending events, and rejects pending requests', async () => {
    const received: unknown[] = [];
    await startService(eventHandlers({ 'clients.early': (data) => received.push(data) }), {
      connection: redis.url,
    });
    const client = createClient({ connection: redis.url });
    const emitted = firstValueFrom(client.emit('clients.early', 'sent'));
    const asked = firstValueFrom(client.send('clients.early', 'asked'));
    const outcomes = Promise.allSettled([emitted, asked]);
    await client.close();
    expect(await outcomes).toMatchObject([{ value: 1 }, { reason: expect.any(ClosedError) }]);
    await eventually(() => received.length > 0);
    expect(received).toEqual(['sent']);
  });

  it('closes without waiting for a server that never answers', async () => {
    const silent = createServer();
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as AddressInfo;
    const client = createClient({ connection: `rediss://127.0.0.1:${port}` });
    const emitted = Promise.allSettled([firstValueFrom(client.emit('clients.silent', 1))]);
    await client.close();
    expect(await emitted).toMatchObject([{ reason: expect.any(ClosedError) }]);
    silent.close();
  });

  it('rejects a missing pattern or missing data, as Nest does', async () => {
    const client = createClient({ connection: redis.url });
    const missing = undefined as unknown as string;
    const refused = /invalid data or message pattern/;
    await expect(firstValueFrom(client.send(missing, 1))).rejects.toThrow(refused);
    await expect(firstValueFrom(client.send('clients.double', missing))).rejects.toThrow(refused);
    await expect(firstValueFrom(client.emit(missing, 1))).rejects.toThrow(refused);
  });
});
