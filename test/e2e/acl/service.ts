import { Controller, Injectable } from '@nestjs/common';
import { EventPattern, MessagePattern } from '@nestjs/microservices';
import type { Redis } from 'ioredis';
import { firstValueFrom } from 'rxjs';
import {
  Key,
  OnKeyEvent,
  PubSubInspector,
  RedisPubSubClient,
  RedisPubSubModule,
  RedisPubSubService,
  type RedisPubSubModuleOptions,
} from 'nestjs-redis-pubsub';
import { setUser } from '../../../src/acl/acl-plan.js';
import type { LaterUse } from '../../../src/acl/needs.js';
import type { Right } from '../../../src/acl/right.js';
import { eventually } from '../../support/redis.js';
import { startContext } from '../module/apps.js';

export const USER = 'shop';
export const PASSWORD = 'secret';
export const PREFIX = 'shop:';

/** What a service of the tests uses of this package. */
export interface Uses {
  readonly options: RedisPubSubModuleOptions;
  /** The servers that have the ACL. */
  readonly servers: readonly Redis[];
  /** What it does beside handlers, events and requests. */
  readonly later?: readonly LaterUse[];
}

@Controller()
export class EventHandlers {
  @EventPattern<string>('user.created')
  onUser() {}

  @EventPattern<string>('order.:id', { sharded: false } as never)
  onOrder() {}

  @MessagePattern('user.get')
  get(id: number) {
    return { id };
  }
}

@Controller()
export class GroupHandlers {
  @EventPattern<string>('order.paid', { group: 'billing' } as never)
  onPaid() {}
}

/** Of the channel with this name Redis keeps the last message. */
export const HISTORY = { kept: { size: 1, ttl: 60_000 } };

@Injectable()
export class KeyHandlers {
  @OnKeyEvent('expired', 'session:*')
  onExpired(@Key() key: string) {
    return key;
  }
}

/** The handler of a pattern is there on purpose, beside the sharded ones. */
const EXPECTED = 'The handler of "order.:id" receives no sharded messages';

/**
 * Does all that the service may do, once; with `untilRefused` no more than until Redis has refused something. Returns
 * what failed, and each line of the log that warns.
 */
export async function useAll(
  { options, servers, later = [] }: Uses,
  untilRefused = false,
): Promise<string[]> {
  const isOver = async (): Promise<boolean> => untilRefused && (await refusals(servers)).length > 0;
  const { app, log } = await startContext({
    imports: [
      RedisPubSubModule.forRoot({
        prefix: PREFIX,
        name: USER,
        // A busy machine must not take a delayed probe for a lost one.
        probeInterval: 1_000,
        pingInterval: 100,
        addressCheckInterval: 100,
        history: HISTORY,
        ...options,
      }),
    ],
    controllers: [EventHandlers, GroupHandlers],
    providers: [KeyHandlers],
  });
  const [service, client] = [app.get(RedisPubSubService), app.get(RedisPubSubClient)];
  const burst = Array.from({ length: 40 }, (_, i) => i);
  const steps: [string, () => Promise<unknown>][] = [
    ['event', () => firstValueFrom(client.emit('user.created', 'Ada'))],
    ['run time', () => service.publish('other', 1)],
    [
      'batch',
      () => Promise.all(burst.map((i) => service.publish('order.7', i, { sharded: false }))),
    ],
    ['group', () => claimAll(servers, options.sharded)],
    ['history', () => keepAndRead(service)],
    ['request', () => firstValueFrom(client.send('user.get', 7))],
    ['cancel', () => cancelRequest(client)],
    ['observer', () => observeOnce(service, servers, isOver)],
    ['introspection', () => inspect(options)],
    ['probe', () => eventually(async () => (await isOver()) || hasProbed(servers))],
  ];
  const failed: string[] = [];
  if (later.includes('query')) steps.push(['query', () => query(service)]);
  if (later.includes('inspect'))
    steps.push(['inspect', () => inspectAll(app.get(PubSubInspector))]);
  for (const [name, step] of steps) {
    if (await isOver()) break;
    await step().catch((error: unknown) => failed.push(`${name}: ${String(error)}`));
  }
  await app.close();
  const lines = [...log.of('warn'), ...log.of('error')];
  return [...failed, ...lines.filter((line) => !line.startsWith(EXPECTED))];
}

/** Claims of a publisher of this package, and of another one. */
async function claimAll(servers: readonly Redis[], isSharded = false): Promise<void> {
  for (const mid of ['AbCdEfGh.1-1', 'foreign']) {
    const packet = JSON.stringify({ pattern: 'order.paid', data: 1, mid });
    const command = isSharded ? 'SPUBLISH' : 'PUBLISH';
    // Of the nodes of a Cluster, the owner of the slot accepts it.
    for (const server of servers) {
      await server.call(command, `${PREFIX}order.paid`, packet).catch(() => undefined);
      if (command === 'PUBLISH') break;
    }
  }
}

/** A list of two messages begins, is trimmed, and is read. */
async function keepAndRead(service: RedisPubSubService): Promise<void> {
  for (const data of [1, 2, 3]) await service.publish('kept', data);
  await service.history('kept');
}

async function query(service: RedisPubSubService): Promise<void> {
  await service.channels();
  await service.subscriberCounts('user.created');
  await service.patternCount();
}

async function inspectAll(inspector: PubSubInspector): Promise<void> {
  await inspector.stats();
  await inspector.channels();
  await inspector.patterns();
  await inspector.unheard();
}

/** The request is open when it is cancelled: the handler of it replies later. */
async function cancelRequest(client: RedisPubSubClient): Promise<void> {
  const subscription = client.sendAll('user.get', 8).subscribe({ error: () => undefined });
  await firstValueFrom(client.send('user.get', 9));
  subscription.unsubscribe();
}

async function observeOnce(
  service: RedisPubSubService,
  servers: readonly Redis[],
  isOver: () => Promise<boolean>,
): Promise<void> {
  const subscription = await service.subscribe('seen', () => undefined);
  subscription.unsubscribe();
  const counted = async (): Promise<number> => {
    const counts = await Promise.all(
      servers.flatMap((server) =>
        ['NUMSUB', 'SHARDNUMSUB'].map((it) => ask(server, it, `${PREFIX}seen`)),
      ),
    );
    return counts.reduce<number>((sum, count) => sum + Number(count[1] ?? 0), 0);
  };
  await eventually(async () => (await isOver()) || (await counted()) === 0);
}

/** An inspector of an administrator sees the service. */
async function inspect({ connection }: RedisPubSubModuleOptions): Promise<void> {
  const inspector = new PubSubInspector({ connection: withoutLogin(connection), prefix: PREFIX });
  try {
    const { instances } = await inspector.instances({ timeout: 1_000 });
    if (instances.length === 0) throw new Error('no instance has answered');
  } finally {
    await inspector.close();
  }
}

/** The same servers as the default user, who may do everything. */
export function withoutLogin(
  connection: RedisPubSubModuleOptions['connection'],
): RedisPubSubModuleOptions['connection'] {
  const text = JSON.stringify(connection, (name, value: unknown) =>
    name === 'username' || name === 'password' ? undefined : value,
  );
  return JSON.parse(text) as RedisPubSubModuleOptions['connection'];
}

/** Redis before 7.0 has no shard channels. */
async function ask(server: Redis, query: string, name: string): Promise<unknown[]> {
  return (await server.call('PUBSUB', query, name).catch(() => [])) as unknown[];
}

async function hasProbed(servers: readonly Redis[]): Promise<boolean> {
  const found = await Promise.all(
    servers.flatMap((server) =>
      ['CHANNELS', 'SHARDCHANNELS'].map((it) => ask(server, it, '_pubsub.probe.*')),
    ),
  );
  return found.some((names) => names.length > 0);
}

/** Gives the user these rights alone, at each server, and forgets what was refused before. */
export async function grant(
  { servers, options: { notify } }: Uses,
  rights: readonly Right[],
): Promise<void> {
  for (const server of servers) {
    const flags = notify === 'set' ? '' : 'KEA';
    await server.config('SET', 'notify-keyspace-events', flags);
    // The first message of a history needs a right of its own.
    await server.flushall().catch(() => undefined);
    await server.acl('DELUSER', USER);
    await server.call('ACL', ...setUser(USER, rights), `>${PASSWORD}`);
    await server.call('ACL', 'LOG', 'RESET');
  }
}

/** What the servers have refused to the user. */
export async function refusals(servers: readonly Redis[]): Promise<string[]> {
  const logs = await Promise.all(servers.map((server) => server.call('ACL', 'LOG')));
  return (logs as string[][][]).flat().map((entry) => `${entry[3]} ${entry[7]}`);
}
