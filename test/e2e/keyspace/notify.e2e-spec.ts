import { Injectable } from '@nestjs/common';
import {
  OnKey,
  OnKeyEvent,
  RedisPubSubModule,
  RedisPubSubService,
  type RedisPubSubModuleOptions,
} from 'nestjs-redis-pubsub';
import { beforeEach, describe, expect, it } from 'vitest';
import { callsOf, eventually, useRedis } from '../../support/redis.js';
import { startContext } from '../module/apps.js';

const redis = useRedis([]);

const SETTING = 'notify-keyspace-events';

const set = (flags: string) => redis.client.config('SET', SETTING, flags);

const sorted = (letters: string): string => Array.from(letters).toSorted().join('');

/** The flags that Redis has, in one order. */
async function flags(): Promise<string> {
  const [, value] = await redis.client.config('GET', SETTING);
  return sorted(value ?? '');
}

/** How often Redis was asked for a setting. Before 7.0 it counts all calls of CONFIG together. */
const asked = (): Promise<number> => callsOf(redis.client, String.raw`config(?:\|get)?`);

let heard = 0;

@Injectable()
class Sessions {
  @OnKeyEvent('expired', 'session:*')
  onExpired() {
    heard++;
  }

  @OnKey('config', { events: ['set', 'del'] })
  onConfig() {
    heard++;
  }
}

const start = (options: RedisPubSubModuleOptions = {}) =>
  startContext({
    imports: [RedisPubSubModule.forRoot({ connection: redis.url, ...options })],
    providers: [Sessions],
  });

beforeEach(async () => {
  heard = 0;
  await set('');
});

describe('the option notify', () => {
  it('by default logs one warning that names what is missing', async () => {
    await set('Ex');
    const { log } = await start();
    const warnings = log.of('warn').filter((line) => line.includes(SETTING));
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/is "(?:xE|Ex)" and lacks "K\$g"/);
    expect(await flags()).toBe('Ex');
  });

  it('by default logs nothing where nothing is missing, and warns once only', async () => {
    await set('KE$gx');
    const { log, app } = await start();
    expect(log.of('warn')).toEqual([]);
    await set('');
    for (let gaps = 0; gaps < 2; gaps++) {
      const before = await asked();
      await redis.killConnections();
      await eventually(async () => (await asked()) > before);
      await eventually(() => app.get(RedisPubSubService).status === 'connected');
    }
    await eventually(() => log.of('warn').some((line) => line.includes(SETTING)));
    expect(log.of('warn').filter((line) => line.includes(SETTING))).toHaveLength(1);
  });

  it('by default logs nothing where CONFIG is refused', async () => {
    await redis.client.call(
      'ACL',
      'SETUSER',
      'app',
      'on',
      '>secret',
      'allchannels',
      '~*',
      '+@all',
      '-config',
    );
    const { log } = await start({ connection: redis.url.replace('//', '//app:secret@') });
    expect(log.of('warn')).toEqual([]);
    expect(log.of('error')).toEqual([]);
  });

  it('with "set" adds what is missing, and keeps what is there', async () => {
    await set('Kl');
    const { log } = await start({ notify: 'set' });
    expect(await flags()).toBe(sorted('KE$gxl'));
    expect(log.of('warn')).toEqual([]);
    await redis.client.set('config', 1);
    await eventually(() => heard === 1);
  });

  it('with "set" adds it again after an outage in which it was lost', async () => {
    await start({ notify: 'set' });
    await set('');
    await redis.killConnections();
    await eventually(async () => (await flags()).includes('E'));
    expect(await flags()).toBe(sorted('KE$gx'));
  });

  it('with "set" logs a warning where CONFIG is refused', async () => {
    await redis.client.call(
      'ACL',
      'SETUSER',
      'app',
      'on',
      '>secret',
      'allchannels',
      '~*',
      '+@all',
      '-config|set',
    );
    const { log } = await start({
      notify: 'set',
      connection: redis.url.replace('//', '//app:secret@'),
    });
    const [warning, ...others] = log.of('warn');
    expect(warning).toContain(`Cannot change ${SETTING} of Redis`);
    expect(warning).toContain('NOPERM');
    expect(others).toEqual([]);
  });

  it('asks once for observers that need the same', async () => {
    const { app } = await start();
    const service = app.get(RedisPubSubService);
    const before = await asked();
    for (let i = 0; i < 5; i++) {
      await new Promise<void>((resolve) => {
        service.observeKeyEvent('expired', `a:${i}`, { onSubscribed: () => resolve() }).subscribe();
      });
    }
    expect(await asked()).toBe(before);
    await new Promise<void>((resolve) => {
      service.observeKeyEvent('evicted', '*', { onSubscribed: () => resolve() }).subscribe();
    });
    expect(await asked()).toBe(before + 1);
  });

  it('with "ignore" asks nothing', async () => {
    const before = await asked();
    const { log } = await start({ notify: 'ignore' });
    expect(log.of('warn')).toEqual([]);
    expect(await asked()).toBe(before);
    await start();
    expect(await asked()).toBeGreaterThan(before);
  });

  it('refuses other values', () => {
    expect(() => RedisPubSubModule.forRoot({ notify: true as never })).toThrow(
      'Expected "notify" to be "check" or "set" or "ignore", got true',
    );
  });

  it('without handlers of keys asks nothing', async () => {
    const before = await asked();
    await startContext({ imports: [RedisPubSubModule.forRoot({ connection: redis.url })] });
    expect(await asked()).toBe(before);
  });
});
