import {
  Injectable,
  Module,
  ValidationPipe,
  VersioningType,
  type CanActivate,
  type ExecutionContext,
  type INestApplication,
} from '@nestjs/common';
import helmet from 'helmet';
import { map } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { RedisPubSubModule } from 'nestjs-redis-pubsub';
import { PubSubInspectorModule } from 'nestjs-redis-pubsub/inspector';
import type { PageData } from '../../../src/inspector/page-data.js';
import { useRedis } from '../../support/redis.js';
import { ADAPTERS, dataOf, known, startApp, startInspected } from './inspected-app.js';

const PATHS = ['/pubsub', '/pubsub/data', '/pubsub/messages?channel=a'];

@Injectable()
class Passwords {
  readonly password: string = 'open sesame';
}

@Module({ providers: [Passwords], exports: [Passwords] })
class PasswordsModule {}

@Injectable()
class PasswordGuard implements CanActivate {
  constructor(private readonly passwords: Passwords) {}

  canActivate(context: ExecutionContext): boolean {
    const { headers } = context.switchToHttp().getRequest<{ headers: Record<string, string> }>();
    return headers['x-password'] === this.passwords.password;
  }
}

const redis = useRedis();
const module = () => RedisPubSubModule.forRoot({ connection: redis.url });
const statusesOf = (url: string, headers: Record<string, string> = {}): Promise<number[]> =>
  Promise.all(PATHS.map(async (path) => (await fetch(`${url}${path}`, { headers })).status));

/** What many applications have. */
const configure = (app: INestApplication): void => {
  app.setGlobalPrefix('api');
  app.enableVersioning({ type: VersioningType.URI, defaultVersion: '1' });
  app.useGlobalPipes(
    new ValidationPipe({ whitelist: true, forbidNonWhitelisted: true, transform: true }),
  );
  app.useGlobalInterceptors({
    intercept: (_context, next) => next.handle().pipe(map((data: unknown) => ({ data }))),
  });
  app.use(helmet());
};

describe.each(Object.entries(ADAPTERS))('the page with %s', (_, adapter) => {
  it('is one document that loads nothing else, with a policy that allows nothing else', async () => {
    const { url } = await startInspected(redis, { adapter });
    const response = await fetch(`${url}/pubsub`);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    expect(response.headers.get('referrer-policy')).toBe('no-referrer');
    expect(response.headers.get('content-security-policy')).toMatch(
      /^default-src 'none'; script-src 'sha256-[\w+/]{43}='; style-src 'sha256-[\w+/]{43}='; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'$/,
    );
    const html = await response.text();
    expect(html).toMatch(/^<!doctype html>/);
    expect(Buffer.byteLength(html)).toBeLessThan(60_000);
    expect(html.match(/<script|<style/g)).toEqual(['<style', '<script']);
    expect(html).not.toMatch(/\s(?:src|on\w+|style)=/);
    expect(html.replaceAll('http://www.w3.org/2000/svg', '')).not.toMatch(/https?:\/\//);
  });

  it('has its data beside it', async () => {
    const { url } = await startInspected(redis, { adapter, pubsub: { name: 'shop' } });
    const response = await fetch(`${url}/pubsub/data`);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toMatch(/^application\/json/);
    expect(response.headers.get('cache-control')).toBe('no-store');
    const data = (await response.json()) as PageData;
    expect(data).toMatchObject({ transport: 'shop', transports: ['shop'], messages: false });
    expect(known(data.fleet).instances.rows).toHaveLength(1);
  });

  it('and its data are for those only whom the guard lets in', async () => {
    const { url } = await startApp(
      {
        imports: [
          module(),
          PubSubInspectorModule.forRoot({
            guard: PasswordGuard,
            imports: [PasswordsModule],
            messages: true,
          }),
        ],
      },
      { adapter },
    );
    expect(await statusesOf(url)).toEqual([403, 403, 403]);
    expect(await statusesOf(url, { 'x-password': 'guess' })).toEqual([403, 403, 403]);
    expect(await redis.client.pubsub('NUMSUB', 'a')).toEqual(['a', 0]);
    expect(await statusesOf(url, { 'x-password': 'open sesame' })).toEqual([200, 200, 200]);
  });

  it('is below the global prefix, without a version, beside pipes, interceptors and helmet', async () => {
    const page = { route: '/admin/pubsub' };
    const { url } = await startInspected(redis, { adapter, configure, page });
    const response = await fetch(`${url}/api/admin/pubsub`);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-security-policy')).toMatch(/^default-src 'none'; [^,]*$/);
    expect(await response.text()).toMatch(/^<!doctype html>/);
    const data = await dataOf(`${url}/api/admin`);
    expect(known(data.fleet).totals.instances).toBe(1);
    expect((await fetch(`${url}/pubsub`)).status).toBe(404);
  });

  it('takes any query', async () => {
    const { url } = await startInspected(redis, { adapter, page: { messages: true } });
    for (const query of [
      'filter=a&filter=b&transport=x&transport=y',
      'filter[a]=1&channel[]=2&transport[constructor]=3',
      'filter=%F0%9F&channel=%ED%A0%80',
      'filter=*[]?:name\\%00%0a',
      `filter=${'a'.repeat(5_000)}`,
    ]) {
      for (const path of ['data', 'messages']) {
        const response = await fetch(`${url}/pubsub/${path}?${query}`);
        expect([response.status, query, path]).toEqual([200, query, path]);
      }
    }
    const data = await dataOf(url, `filter=${'a'.repeat(5_000)}`);
    expect(known(data.channels).total).toBe(0);
  });
});

describe('the guard', () => {
  it('may be an object, and there may be several', async () => {
    const asked: string[] = [];
    const guard = (name: string, isOpen: () => boolean): CanActivate => ({
      canActivate: () => {
        asked.push(name);
        return isOpen();
      },
    });
    let isOpen = false;
    const guards = [guard('one', () => isOpen), guard('two', () => true)];
    const { url } = await startInspected(redis, { page: { guard: guards } });
    expect((await fetch(`${url}/pubsub`)).status).toBe(403);
    isOpen = true;
    expect((await fetch(`${url}/pubsub`)).status).toBe(200);
    expect(asked).toEqual(['one', 'one', 'two']);
  });

  it('is asked for each answer: one who may not read it any more gets no more', async () => {
    let isOpen = true;
    const { url } = await startInspected(redis, {
      page: { guard: { canActivate: () => isOpen }, messages: true },
    });
    expect(await statusesOf(url)).toEqual([200, 200, 200]);
    isOpen = false;
    expect(await statusesOf(url)).toEqual([403, 403, 403]);
  });

  it('is missing: the application does not start', () => {
    expect(() => PubSubInspectorModule.forRoot({} as never)).toThrow(
      expect.objectContaining({
        code: 'ERR_PUBSUB_INVALID_OPTION',
        message:
          'Expected "guard" to be a guard of Nest (a class or an object with "canActivate"), an array of them, or false for a page that everyone who reaches the application may read, got undefined',
      }),
    );
  });

  it('is false: a warning says so, and with a guard there is none', async () => {
    const line =
      'No guard protects the page at "/pubsub": everyone who reaches this application may read its channels';
    const open = await startInspected(redis);
    expect(open.log.of('warn')).toContain(line);
    const guarded = await startInspected(redis, { page: { guard: { canActivate: () => true } } });
    expect(guarded.log.of('warn')).not.toContain(line);
  });
});

describe('several pages and modules', () => {
  it('are on one page: each module has its figures', async () => {
    const { url } = await startApp({
      imports: [
        RedisPubSubModule.forRoot({ connection: redis.url, name: 'shop', prefix: 'shop:' }),
        RedisPubSubModule.forRoot({
          connection: redis.url,
          name: 'audit',
          prefix: 'audit:',
          transportId: Symbol('AUDIT'),
        }),
        RedisPubSubModule.forRoot({
          connection: redis.url,
          name: 'shop',
          prefix: 'third:',
          transportId: Symbol('THIRD'),
        }),
        PubSubInspectorModule.forRoot({ guard: false }),
      ],
    });
    const transports = ['shop', 'audit', 'shop (2)'];
    for (const [i, transport] of ['shop', 'audit', 'shop (2)'].entries()) {
      const data = await dataOf(url, new URLSearchParams({ transport }).toString());
      const prefix = ['shop:', 'audit:', 'third:'][i];
      expect(data).toMatchObject({ transport, transports, prefix });
      expect(known(data.fleet).instances.rows.map(({ name }) => name)).toEqual([
        transport.replace(' (2)', ''),
      ]);
    }
    expect(await dataOf(url, 'transport=other')).toMatchObject({ transport: 'shop' });
  });

  it('have different routes, each with its guard', async () => {
    const guard = { canActivate: () => false };
    const { url } = await startApp({
      imports: [
        module(),
        PubSubInspectorModule.forRoot({ guard: false }),
        PubSubInspectorModule.forRoot({ guard, route: 'other' }),
      ],
    });
    expect((await fetch(`${url}/pubsub`)).status).toBe(200);
    expect((await fetch(`${url}/other`)).status).toBe(403);
  });

  it('at one route are refused: one of the guards would have no effect', async () => {
    const start = startApp({
      imports: [
        module(),
        PubSubInspectorModule.forRoot({ guard: { canActivate: () => false } }),
        PubSubInspectorModule.forRoot({ guard: false, route: 'pubsub' }),
      ],
    });
    await expect(start).rejects.toMatchObject({
      code: 'ERR_PUBSUB_INVALID_OPTION',
      message: 'Two PubSubInspectorModules have the route "/pubsub": give each its own',
    });
  });

  it('are none: without a RedisPubSubModule the application does not start', async () => {
    const start = startApp({ imports: [PubSubInspectorModule.forRoot({ guard: false })] });
    await expect(start).rejects.toMatchObject({
      code: 'ERR_PUBSUB_INVALID_OPTION',
      message:
        'PubSubInspectorModule shows the RedisPubSubModules of an application, and this one has none: import RedisPubSubModule.forRoot(…)',
    });
  });
});

describe('forRootAsync', () => {
  it('takes the options of the page from a factory, and the guard from the call', async () => {
    const { url } = await startApp({
      imports: [
        module(),
        PubSubInspectorModule.forRootAsync({
          route: 'live',
          guard: PasswordGuard,
          imports: [PasswordsModule],
          inject: [Passwords],
          useFactory: ({ password }: Passwords) => ({ messages: password !== '' }),
        }),
      ],
    });
    expect((await fetch(`${url}/live/data`)).status).toBe(403);
    const headers = { 'x-password': 'open sesame' };
    const response = await fetch(`${url}/live/data`, { headers });
    expect(await response.json()).toMatchObject({ messages: true, refreshInterval: 2000 });
  });

  it('fails to start for what a factory returns', async () => {
    for (const [options, message] of [
      [undefined, 'Expected "options" to be an object, got null'],
      [{ refreshInterval: 1 }, 'Expected "refreshInterval" to be milliseconds from 500'],
      [{ guard: PasswordGuard }, 'Unknown option "guard"'],
    ] as const) {
      const page = PubSubInspectorModule.forRootAsync({
        guard: false,
        useFactory: () => options as never,
      });
      await expect(startApp({ imports: [module(), page] })).rejects.toMatchObject({
        code: 'ERR_PUBSUB_INVALID_OPTION',
        message: expect.stringContaining(message) as string,
      });
    }
  });
});

it('the observations of a page end with the application', async () => {
  const { app, url } = await startInspected(redis, { page: { messages: true } });
  await fetch(`${url}/pubsub/messages?channel=closing`);
  await redis.subscribers('closing', 1);
  await app.close();
  await redis.subscribers('closing', 0);
  expect(await redis.client.pubsub('NUMSUB', 'closing')).toEqual(['closing', 0]);
});
