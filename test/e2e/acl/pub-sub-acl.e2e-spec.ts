import { Controller, type Type } from '@nestjs/common';
import { EventPattern } from '@nestjs/microservices';
import { describe, expect, it } from 'vitest';
import {
  CommandRefusedError,
  MissingRightsError,
  PubSubAcl,
  RedisPubSubModule,
  RedisPubSubService,
  type AssertAclOptions,
  type RedisPubSubModuleOptions,
} from 'nestjs-redis-pubsub';
import { InMemoryRedis } from 'nestjs-redis-pubsub/testing';
import { setUser } from '../../../src/acl/acl-plan.js';
import { useRedis } from '../../support/redis.js';
import { HAS_SHARDED } from '../../support/sharded.js';
import { failureOf, startContext } from '../module/apps.js';
import { EventHandlers, PASSWORD, PREFIX, USER } from './service.js';

const ENOUGH = [
  '&shop:*',
  '&shop:order.*',
  '&_pubsub.*',
  '+publish',
  '+subscribe',
  '+psubscribe',
  '+unsubscribe',
  '+punsubscribe',
  '+ping',
  '+info',
  '+client',
];

describe.runIf(HAS_SHARDED)('PubSubAcl (Redis 7.0 or later)', () => {
  const redis = useRedis();
  const login = () => ({
    host: '127.0.0.1',
    port: redis.port,
    username: USER,
    password: PASSWORD,
  });

  const aclOf = async (...args: Parameters<typeof startWith>): Promise<PubSubAcl> =>
    (await startWith(...args)).acl;

  async function startWith(
    rules: readonly string[],
    options: RedisPubSubModuleOptions = {},
    controller: Type = EventHandlers,
  ): Promise<{ readonly acl: PubSubAcl; readonly service: RedisPubSubService }> {
    await redis.client.acl('DELUSER', USER);
    await redis.client.call('ACL', ...setUser(USER, []), `>${PASSWORD}`, ...rules);
    const module = RedisPubSubModule.forRoot({ connection: login(), prefix: PREFIX, ...options });
    const { app } = await startContext({ imports: [module], controllers: [controller] });
    return { acl: app.get(PubSubAcl), service: app.get(RedisPubSubService) };
  }

  it('resolves when nothing is missing, asked as another user', async () => {
    const acl = await aclOf(ENOUGH);
    await expect(acl.assert({ as: redis.url })).resolves.toBeUndefined();
  });

  it('resolves when the own user may call ACL DRYRUN', async () => {
    const acl = await aclOf([...ENOUGH, '+acl|dryrun']);
    await expect(acl.assert()).resolves.toBeUndefined();
  });

  it('checks the user that `credentials` give', async () => {
    const { username, password, ...connection } = login();
    const credentials = (): { username: string; password: string } => ({ username, password });
    const acl = await aclOf([...ENOUGH, '+acl|dryrun'], { connection, credentials });
    await expect(acl.assert()).resolves.toBeUndefined();
    await expect(acl.assert({ may: ['query'] })).rejects.toThrow(`The user "${USER}" lacks rights`);
  });

  it.each([
    ['+unsubscribe', '+unsubscribe (literal channels without a listener)'],
    ['&_pubsub.*', '&_pubsub.probe.* (the delivery probe)'],
    ['+ping', '+ping (the heartbeat)'],
  ])('names what is missing without %s, and the line that adds it', async (removed, named) => {
    const acl = await aclOf(ENOUGH.filter((rule) => rule !== removed));
    const error = await failureOf(acl.assert({ as: redis.url }));
    expect(error).toBeInstanceOf(MissingRightsError);
    expect(error.code).toBe('ERR_PUBSUB_ACL');
    const { missing, line } = error as MissingRightsError;
    expect(missing).toContain(named);
    expect(error.message).toContain(named);
    expect(error.message).toContain(`Add them: ${line}`);
    expect(error.message).not.toContain(PASSWORD);
    await redis.client.call('ACL', ...line.split(' ').slice(1));
    await expect(acl.assert({ as: redis.url })).resolves.toBeUndefined();
  });

  it('names keys that are missing', async () => {
    const rules = ['+eval', '+rpush', '+pexpire', '+ltrim', '+rpop', '+lrange'];
    const history = { kept: { size: 1, ttl: 60_000 } };
    const acl = await aclOf([...ENOUGH, ...rules], { history });
    const may = ['history', 'recover'] as const;
    const error = await failureOf(acl.assert({ as: redis.url, may }));
    expect((error as MissingRightsError).missing).toEqual([
      '~_pubsub.history* (messages with history)',
    ]);
  });

  it('asks for no right to write of a service that has only read histories', async () => {
    const rules = [...ENOUGH, '~_pubsub.history*', '+lrange'];
    const { acl, service } = await startWith(rules, {
      history: { kept: { size: 1, ttl: 60_000 } },
    });
    await service.history('kept');
    await expect(acl.assert({ as: redis.url })).resolves.toBeUndefined();
    await redis.client.call('ACL', 'SETUSER', USER, '-lrange');
    const error = await failureOf(acl.assert({ as: redis.url }));
    expect((error as MissingRightsError).missing).toContain('+lrange (histories that are read)');
  });

  it('asks for the right to read of a handler that may recover', async () => {
    @Controller()
    class Recovering {
      @EventPattern<string>('kept', { recover: true })
      onKept() {}
    }
    const rules = [...ENOUGH, '~_pubsub.history*'];
    const { acl } = await startWith(rules, {}, Recovering);
    const error = await failureOf(acl.assert({ as: redis.url }));
    expect((error as MissingRightsError).missing).toContain('+lrange (histories that are read)');
  });

  it('asks for no right to read of a service that has only published with history', async () => {
    const rules = ['+eval', '+rpush', '+pexpire', '+ltrim', '+rpop'];
    const { acl, service } = await startWith([...ENOUGH, '~_pubsub.history*', ...rules]);
    await service.publish('kept', 1, { history: { size: 1, ttl: 60_000 } });
    await expect(acl.assert({ as: redis.url })).resolves.toBeUndefined();
    await redis.client.call('ACL', 'SETUSER', USER, '-ltrim', '-pexpire');
    const error = await failureOf(acl.assert({ as: redis.url }));
    expect((error as MissingRightsError).missing).toEqual([
      '+pexpire (messages with history)',
      '+ltrim (messages with history)',
    ]);
  });

  it('knows channels that are named, and uses that come later', async () => {
    const acl = await aclOf([...ENOUGH.filter((rule) => rule !== '&shop:*'), '&shop:user.*']);
    await expect(acl.assert({ as: redis.url })).rejects.toThrow('&shop:* (messages at run time)');
    const channels = ['user.:id'];
    await expect(acl.assert({ as: redis.url, channels })).resolves.toBeUndefined();
    await expect(acl.assert({ as: redis.url, channels, may: ['query'] })).rejects.toThrow(
      '+pubsub|channels (queries of channels)',
    );
  });

  it('says why Redis cannot check', async () => {
    const acl = await aclOf(ENOUGH);
    const own = await failureOf(acl.assert());
    expect(own).toBeInstanceOf(CommandRefusedError);
    expect(own.message).toContain('the user needs +acl|dryrun');
    const other = await failureOf(acl.assert({ as: redis.url, user: 'unknown' }));
    expect(other.message).toContain('Redis has no user of this name');
  });

  it.each([
    [{ as: 7 }, '"as" to be'],
    [{ user: '' }, '"user" to be the name of a user of Redis'],
    [{ channels: 'user.*' }, '"channels" to be an array'],
    [
      { may: ['publish'] },
      '"may" to be an array of request, query, inspect, shard, history, recover',
    ],
    [{ channel: [] }, 'channels'],
  ])('refuses the options %o', async (options, message) => {
    const acl = await aclOf(ENOUGH);
    const error = await failureOf(acl.assert(options as AssertAclOptions));
    expect(error.code).toBe('ERR_PUBSUB_INVALID_OPTION');
    expect(error.message).toContain(message);
  });

  it('has nothing to check over a Redis in memory', async () => {
    const module = RedisPubSubModule.forRoot({ connection: new InMemoryRedis() });
    const { app } = await startContext({ imports: [module] });
    await expect(app.get(PubSubAcl).assert()).resolves.toBeUndefined();
  });
});
