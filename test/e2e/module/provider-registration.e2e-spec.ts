import {
  Controller,
  Inject,
  Injectable,
  Module,
  Scope,
  UseGuards,
  type CanActivate,
  type INestApplicationContext,
  type ModuleMetadata,
  type PipeTransform,
  type Provider,
} from '@nestjs/common';
import { EventPattern, MessagePattern, Payload } from '@nestjs/microservices';
import { firstValueFrom } from 'rxjs';
import { beforeEach, describe, expect, it } from 'vitest';
import { InvalidOptionError, RedisPubSubModule, RedisPubSubService } from 'nestjs-redis-pubsub';
import { createClient } from '../../support/app.js';
import { eventually, useRedis } from '../../support/redis.js';
import { connections, failureOf, startContext, startHttpApp } from './apps.js';
import { IN_MEMORY } from '../../support/in-memory.js';

let received: unknown[] = [];

@Injectable()
class News {
  @EventPattern('registration.news')
  on(@Payload() data: unknown) {
    received.push(data);
  }
}

class Shut implements CanActivate {
  canActivate(): boolean {
    return false;
  }
}

class Trim implements PipeTransform<string> {
  transform(value: string): string {
    return value.trim();
  }
}

@Injectable()
class Guarded {
  @EventPattern<string>('registration.guarded')
  @UseGuards(Shut)
  on() {
    received.push('guarded');
  }
}

/** Publishes two messages. A handler that runs twice for the first has done so when the second arrives. */
async function publishTwo(app: INestApplicationContext): Promise<unknown[]> {
  const service = app.get(RedisPubSubService);
  await service.publish('registration.news', 'first');
  await service.publish('registration.news', 'second');
  await eventually(() => received.includes('second'));
  return received;
}

describe('a provider with handlers', () => {
  const redis = useRedis();
  beforeEach(() => {
    received = [];
  });

  const start = (metadata: ModuleMetadata) =>
    startContext({
      ...metadata,
      imports: [RedisPubSubModule.forRoot({ connection: redis.url }), ...(metadata.imports ?? [])],
    });

  it.each<[string, Provider]>([
    ['a class under a token', { provide: 'NEWS', useClass: News }],
    ['a value', { provide: 'NEWS', useValue: new News() }],
    ['the result of a factory', { provide: 'NEWS', useFactory: async () => new News() }],
    [
      'a class of request scope under a token',
      { provide: 'NEWS', useClass: News, scope: Scope.REQUEST },
    ],
  ])('handles each message once when it is registered as %s', async (_, provider) => {
    const { app } = await start({ providers: [provider] });
    expect(await publishTwo(app)).toEqual(['first', 'second']);
  });

  it('under a token gets its own dependencies, also in request scope', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class Named {
      constructor(@Inject('NAME') private readonly name: string) {}

      @MessagePattern('registration.name')
      get() {
        return this.name;
      }
    }
    await start({
      providers: [
        { provide: 'NAME', useValue: 'Ada' },
        { provide: 'HANDLERS', useClass: Named },
      ],
    });
    const client = createClient({ connection: redis.url });
    expect(await firstValueFrom(client.send('registration.name', 1))).toBe('Ada');
  });

  it('handles each message once although other tokens are aliases of it', async () => {
    const { app } = await start({
      providers: [
        News,
        { provide: 'ALIAS', useExisting: News },
        { provide: 'ALIAS OF ALIAS', useExisting: 'ALIAS' },
      ],
    });
    expect(await publishTwo(app)).toEqual(['first', 'second']);
  });

  it('handles each message once although several modules import its module', async () => {
    @Module({ providers: [News], exports: [News] })
    class NewsModule {}
    @Module({ imports: [NewsModule] })
    class LeftModule {}
    @Module({ imports: [NewsModule], exports: [NewsModule] })
    class RightModule {}
    const { app } = await start({ imports: [LeftModule, RightModule, NewsModule] });
    expect(await publishTwo(app)).toEqual(['first', 'second']);
  });

  it('rejects the start if it is TRANSIENT, because Nest creates no instance to handle messages', async () => {
    @Injectable({ scope: Scope.TRANSIENT })
    class Passing extends News {}
    const error = await failureOf(start({ providers: [Passing] }));
    expect(error).toBeInstanceOf(InvalidOptionError);
    expect(error.message).toBe(
      'Expected "Passing" to be a singleton or request-scoped, to handle messages, got "TRANSIENT"',
    );
  });

  it('rejects the start for a request-scoped factory, because Nest would never call it', async () => {
    const provider = { provide: News, scope: Scope.REQUEST, useFactory: () => new News() };
    const error = await failureOf(start({ providers: [provider] }));
    expect(error).toBeInstanceOf(InvalidOptionError);
    expect(error.message).toContain('"News" to be registered by its class');
  });

  it.each([null, undefined])('does not exist for a factory that returns %s', async (nothing) => {
    const provider = { provide: News, useFactory: () => nothing };
    const { app } = await start({ providers: [provider] });
    expect(await app.get(RedisPubSubService).publish('registration.news', 'x')).toBe(0);
  });

  it('rejects the start for a factory, because Nest would skip the guard of a method', async () => {
    const error = await failureOf(
      start({ providers: [{ provide: 'GUARDED', useFactory: () => new Guarded() }] }),
    );
    expect(error).toBeInstanceOf(InvalidOptionError);
    expect(error.message).toContain('GUARDED');
    expect(error.message).toContain('registered by its class, since Nest would skip its Shut');
  });

  it.skipIf(IN_MEMORY)('leaves no connection open if the start is rejected', async () => {
    const starting = start({ providers: [{ provide: 'X', useFactory: () => new Guarded() }] });
    expect(await failureOf(starting)).toBeInstanceOf(InvalidOptionError);
    await eventually(async () => (await connections(redis)) === 0);
  });

  it('under a token runs its guard, or rejects the start if this Nest version would skip the guard', async () => {
    const outcome = await start({
      providers: [{ provide: 'GUARDED', useClass: Guarded }, News],
    }).then(
      async ({ app }) => {
        expect(await app.get(RedisPubSubService).publish('registration.guarded', 1)).toBe(1);
        await app.get(RedisPubSubService).publish('registration.news', 'after');
        await eventually(() => received.length > 0);
        return received;
      },
      (error: unknown) => (error instanceof InvalidOptionError ? 'refused' : error),
    );
    expect([['after'], 'refused']).toContainEqual(outcome);
  });

  it('rejects the start for a factory, because Nest would skip the guard of the class', async () => {
    @Injectable()
    @UseGuards(Shut)
    class ClassGuarded extends News {}
    const error = await failureOf(
      start({ providers: [{ provide: 'GUARDED', useFactory: () => new ClassGuarded() }] }),
    );
    expect(error.message).toContain('Nest would skip its Shut');
  });

  it('rejects the start for a factory, because Nest would skip the pipe of a parameter', async () => {
    @Injectable()
    class Trimmed {
      @EventPattern('registration.trimmed')
      on(@Payload(Trim) data: string) {
        received.push(data);
      }
    }
    const error = await failureOf(
      start({ providers: [{ provide: 'TRIMMED', useFactory: () => new Trimmed() }] }),
    );
    expect(error).toBeInstanceOf(InvalidOptionError);
    expect(error.message).toContain('Nest would skip its Trim');
  });

  it('under a token runs a guard that is an object', async () => {
    @Injectable()
    class ObjectGuarded extends News {
      @EventPattern<string>('registration.shut')
      @UseGuards(new Shut())
      shut() {
        received.push('shut');
      }
    }
    const { app } = await start({ providers: [{ provide: 'GUARDED', useClass: ObjectGuarded }] });
    await app.get(RedisPubSubService).publish('registration.shut', 1);
    await app.get(RedisPubSubService).publish('registration.news', 'after');
    await eventually(() => received.length > 0);
    expect(received).toEqual(['after']);
  });

  it('registered by its class runs its guard', async () => {
    const { app } = await start({ providers: [Guarded, News] });
    expect(await app.get(RedisPubSubService).publish('registration.guarded', 1)).toBe(1);
    await app.get(RedisPubSubService).publish('registration.news', 'after');
    await eventually(() => received.length > 0);
    expect(received).toEqual(['after']);
  });

  it('receives an event beside a controller with a handler for the same channel', async () => {
    @Controller()
    class Board {
      @EventPattern('registration.news')
      on(@Payload() data: unknown) {
        received.push(`board: ${String(data)}`);
      }
    }
    const { app } = await startHttpApp({
      imports: [RedisPubSubModule.forRoot({ connection: redis.url })],
      controllers: [Board],
      providers: [News],
    });
    expect(await app.get(RedisPubSubService).publish('registration.news', 'x')).toBe(1);
    await eventually(() => received.length === 2);
    expect(received.toSorted()).toEqual(['board: x', 'x']);
  });

  it('works beside values that are null, a function or an object without a prototype', async () => {
    const { app } = await start({
      providers: [
        { provide: 'BARE', useValue: Object.create(null) },
        { provide: 'NULL', useValue: null },
        { provide: 'FUNCTION', useValue: News },
        News,
      ],
    });
    expect(await publishTwo(app)).toEqual(['first', 'second']);
  });
});
