import { Injectable } from '@nestjs/common';
import {
  KeyNotification,
  OnHashField,
  RedisPubSubModule,
  RedisPubSubService,
} from 'nestjs-redis-pubsub';
import { describe, expect, inject, it } from 'vitest';
import { eventually, useRedis } from '../../support/redis.js';
import { failureOf, startContext } from '../module/apps.js';

const redis = useRedis([]);
const HAS_FIELDS = inject('hasHashFields');

const heard: string[] = [];

@Injectable()
class Users {
  @OnHashField('user::id', 'status')
  onStatus({ key, event, field, params }: KeyNotification) {
    heard.push([key, event, field, params['id']].join());
  }

  @OnHashField('user:1', 'status', { events: ['hdel'] })
  onDelete({ key, event, field }: KeyNotification) {
    heard.push(['literal', key, event, field].join());
  }
}

const start = () =>
  startContext({
    imports: [RedisPubSubModule.forRoot({ connection: redis.url, notify: 'set' })],
    providers: [Users],
  });

describe.runIf(HAS_FIELDS)('a handler of a hash field', () => {
  it('receives each change of the field, of the keys that its pattern matches', async () => {
    await start();
    await redis.client.hset('user:1', 'status', 'on', 'name', 'Ada');
    await redis.client.hset('user:1:x', 'status', 'on');
    await redis.client.hset('user:1', 'other\nstatus', 'on');
    await redis.client.hdel('user:1', 'status');
    await redis.client.hset('user:2', 'status', 'on');
    await eventually(() => heard.length >= 4);
    expect(heard.toSorted()).toEqual([
      'literal,user:1,hdel,status',
      'user:1,hdel,status,1',
      'user:1,hset,status,1',
      'user:2,hset,status,2',
    ]);
  });
});

describe.runIf(!HAS_FIELDS)('a handler of a hash field, with an older server', () => {
  it('fails the start with an error that names the version', async () => {
    const error = await failureOf(start());
    const info = await redis.client.info('server');
    const version = /^(?:valkey_version|redis_version):(\S+)/m.exec(info)?.[1] ?? '';
    expect(error.code).toBe('ERR_PUBSUB_SUBSCRIBE');
    expect(error.message).toContain('notifications of hash fields need Redis 8.8 or later');
    expect(error.message).toContain(version);
  });

  it('fails an observer with the same error', async () => {
    const { app } = await startContext({
      imports: [RedisPubSubModule.forRoot({ connection: redis.url })],
    });
    const service = app.get(RedisPubSubService);
    const failure = new Promise<unknown>((resolve) => {
      service.observeKeys('user::id', { field: 'status' }).subscribe({ error: resolve });
    });
    expect(String(await failure)).toContain('hash fields need Redis 8.8 or later');
  });

  it('with onStart: "background" logs the error', async () => {
    const { log } = await startContext({
      imports: [RedisPubSubModule.forRoot({ connection: redis.url, onStart: 'background' })],
      providers: [Users],
    });
    await eventually(() => log.of('error').some((line) => line.includes('hash fields need')));
    expect(log.of('error').join('\n')).toContain('The handler of "user::id" receives nothing');
  });
});
