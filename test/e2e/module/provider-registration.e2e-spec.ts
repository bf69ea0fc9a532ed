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

let heard: unknown[] = [];

@Injectable()
class News {
  @EventPattern('registration.news')
  on(@Payload() data: unknown) {
    heard.push(data);
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
    heard.push('guarded');
  }
}

/** What was heard of two messages; what ran twice for the first has run by then. */
async function hear(app: INestApplicationContext): Promise<unknown[]> {
  const service = app.get(RedisPubSubService);
  await service.publish('registration.news', 'first');
  await service.publish('registration.news', 'second');
  await eventually(() => heard.includes('second'));
  return heard;
}

describe('a provider with handlers', () => {
  const redis = useRedis();
  beforeEach(() => {
    heard = [];
  });

  const start = (metadata: ModuleMetadata) =>
    startContext({
      ...metadata,
      imports: [RedisPubSubModule.forRoot({ connection: redis.url }), ...(metadata.imports ?? [])],
    });

  it.each<[string, Provider]>([
    ['a class under a token', { provide: 'NEWS', useClass: News }],
    ['a value', { provide: 'NEWS', useValue: new News() }],
    ['what a factory makes', { provide: 'NEWS', useFactory: async () => new News() }],
    [
      'a class of request scope under a token',
      { provide: 'NEWS', useClass: News, scope: Scope.REQUEST },
    ],
  ])('runs as %s', async (_, provider) => {
    const { app } = await start({ providers: [provider] });
    expect(await hear(app)).toEqual(['first', 'second']);
  });

  it('under a token runs with the provider’s own dependencies, also in request scope', async () => {
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

  it('runs once although other tokens are aliases of it', async () => {
    const { app } = await start({
      providers: [
        News,
        { provide: 'ALIAS', useExisting: News },
        { provide: 'ALIAS OF ALIAS', useExisting: 'ALIAS' },
      ],
    });
    expect(await hear(app)).toEqual(['first', 'second']);
  });

  it('runs once although its module is imported in several places', async () => {
    @Module({ providers: [News], exports: [News] })
    class NewsModule {}
    @Module({ imports: [NewsModule] })
    class LeftModule {}
    @Module({ imports: [NewsModule], exports: [NewsModule] })
    class RightModule {}
    const { app } = await start({ imports: [LeftModule, RightModule, NewsModule] });
    expect(await hear(app)).toEqual(['first', 'second']);
  });

  it('that is TRANSIENT is refused, since Nest would make it for nobody', async () => {
    @Injectable({ scope: Scope.TRANSIENT })
    class Passing extends News {}
    const error = await failureOf(start({ providers: [Passing] }));
    expect(error).toBeInstanceOf(InvalidOptionError);
    expect(error.message).toBe(
      'Expected "Passing" to be a singleton or request-scoped, to handle messages, got "TRANSIENT"',
    );
  });

  it('of a factory that would make it for each request is refused, since it would make none', async () => {
    const provider = { provide: News, scope: Scope.REQUEST, useFactory: () => new News() };
    const error = await failureOf(start({ providers: [provider] }));
    expect(error).toBeInstanceOf(InvalidOptionError);
    expect(error.message).toContain('"News" to be registered by its class');
  });

  it.each([null, undefined])('of a factory that makes %s is none', async (nothing) => {
    const provider = { provide: News, useFactory: () => nothing };
    const { app } = await start({ providers: [provider] });
    expect(await app.get(RedisPubSubService).publish('registration.news', 'x')).toBe(0);
  });

  it('of a factory is refused, since Nest would skip its guard', async () => {
    const error = await failureOf(
      start({ providers: [{ provide: 'GUARDED', useFactory: () => new Guarded() }] }),
    );
    expect(error).toBeInstanceOf(InvalidOptionError);
    expect(error.message).toContain('GUARDED');
    expect(error.message).toContain('registered by its class, since Nest would skip its Shut');
  });

  it('that is refused leaves no connection', async () => {
    const starting = start({ providers: [{ provide: 'X', useFactory: () => new Guarded() }] });
    expect(await failureOf(starting)).toBeInstanceOf(InvalidOptionError);
    await eventually(async () => (await connections(redis)) === 0);
  });

  it('under a token is guarded, or refused by a Nest that would skip its guard', async () => {
    const outcome = await start({
      providers: [{ provide: 'GUARDED', useClass: Guarded }, News],
    }).then(
      async ({ app }) => {
        expect(await app.get(RedisPubSubService).publish('registration.guarded', 1)).toBe(1);
        await app.get(RedisPubSubService).publish('registration.news', 'after');
        await eventually(() => heard.length > 0);
        return heard;
      },
      (error: unknown) => (error instanceof InvalidOptionError ? 'refused' : error),
    );
    expect([['after'], 'refused']).toContainEqual(outcome);
  });

  it('of a factory is refused, since Nest would skip a guard of its class', async () => {
    @Injectable()
    @UseGuards(Shut)
    class ClassGuarded extends News {}
    const error = await failureOf(
      start({ providers: [{ provide: 'GUARDED', useFactory: () => new ClassGuarded() }] }),
    );
    expect(error.message).toContain('Nest would skip its Shut');
  });

  it('of a factory is refused, since Nest would skip the pipe of a parameter', async () => {
    @Injectable()
    class Trimmed {
      @EventPattern('registration.trimmed')
      on(@Payload(Trim) data: string) {
        heard.push(data);
      }
    }
    const error = await failureOf(
      start({ providers: [{ provide: 'TRIMMED', useFactory: () => new Trimmed() }] }),
    );
    expect(error).toBeInstanceOf(InvalidOptionError);
    expect(error.message).toContain('Nest would skip its Trim');
  });

  it('under a token keeps a guard that is an object', async () => {
    @Injectable()
    class ObjectGuarded extends News {
      @EventPattern<string>('registration.shut')
      @UseGuards(new Shut())
      shut() {
        heard.push('shut');
      }
    }
    const { app } = await start({ providers: [{ provide: 'GUARDED', useClass: ObjectGuarded }] });
    await app.get(RedisPubSubService).publish('registration.shut', 1);
    await app.get(RedisPubSubService).publish('registration.news', 'after');
    await eventually(() => heard.length > 0);
    expect(heard).toEqual(['after']);
  });

  it('registered by its class keeps its guard', async () => {
    const { app } = await start({ providers: [Guarded, News] });
    expect(await app.get(RedisPubSubService).publish('registration.guarded', 1)).toBe(1);
    await app.get(RedisPubSubService).publish('registration.news', 'after');
    await eventually(() => heard.length > 0);
    expect(heard).toEqual(['after']);
  });

  it('has its events handled beside those of a controller for the same channel', async () => {
    @Controller()
    class Board {
      @EventPattern('registration.news')
      on(@Payload() data: unknown) {
        heard.push(`board: ${String(data)}`);
      }
    }
    const { app } = await startHttpApp({
      imports: [RedisPubSubModule.forRoot({ connection: redis.url })],
      controllers: [Board],
      providers: [News],
    });
    expect(await app.get(RedisPubSubService).publish('registration.news', 'x')).toBe(1);
    await eventually(() => heard.length === 2);
    expect(heard.toSorted()).toEqual(['board: x', 'x']);
  });

  it('may be a value without a prototype, null or a function, and is left alone', async () => {
    const { app } = await start({
      providers: [
        { provide: 'BARE', useValue: Object.create(null) },
        { provide: 'NULL', useValue: null },
        { provide: 'FUNCTION', useValue: News },
        News,
      ],
    });
    expect(await hear(app)).toEqual(['first', 'second']);
  });
});
