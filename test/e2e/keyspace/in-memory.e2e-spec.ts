import { Injectable } from '@nestjs/common';
import {
  KeyNotification,
  OnHashField,
  OnKey,
  OnKeyEvent,
  RedisPubSubModule,
} from 'nestjs-redis-pubsub';
import { InMemoryRedis } from 'nestjs-redis-pubsub/testing';
import { describe, expect, it } from 'vitest';
import { eventually } from '../../support/redis.js';
import { startContext } from '../module/apps.js';

describe('a handler of keys over a Redis in memory', () => {
  it('receives what a test publishes in the place of Redis', async () => {
    const heard: unknown[] = [];
    @Injectable()
    class Users {
      @OnKeyEvent('expired', 'user::id')
      onExpired({ key, event, params }: KeyNotification) {
        heard.push([event, key, params]);
      }

      @OnKey('user::id')
      onUser({ key, event, params }: KeyNotification) {
        heard.push([event, key, params]);
      }

      @OnHashField('user::id', 'st*')
      onField({ key, event, field, params }: KeyNotification) {
        heard.push([event, key, params, field]);
      }
    }
    const redis = new InMemoryRedis();
    const { log } = await startContext({
      imports: [RedisPubSubModule.forRoot({ connection: redis, prefix: 'app:' })],
      providers: [Users],
    });
    redis.publish('__keyevent@0__:expired', 'user:1');
    redis.publish('__keyevent@0__:expired', 'other');
    redis.publish('__keyspace@0__:user:2', 'set');
    redis.publish('__subkeyspaceitem@0__:user:3\nstatus', 'hset');
    redis.publish('__subkeyspaceitem@0__:user:3\nname', 'hset');
    redis.publish('__subkeyspaceitem@0__:user:3\nname\nstatus', 'hset');
    redis.publish('__subkeyspaceitem@0__:user:4', 'hset');
    await eventually(() => heard.length >= 3);
    expect(heard).toEqual([
      ['expired', 'user:1', { id: '1' }],
      ['set', 'user:2', { id: '2' }],
      ['hset', 'user:3', { id: '3' }, 'status'],
    ]);
    expect(log.of('warn')).toEqual([]);
  });
});
