import type { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PubSubAcl, PubSubInspector, RedisPubSubModule } from 'nestjs-redis-pubsub';
import { planAcl } from '../../../src/acl/acl-plan.js';
import type { LaterUse } from '../../../src/acl/needs.js';
import { versionIn, type Right } from '../../../src/acl/right.js';
import { closeAfterTest } from '../../support/app.js';
import { useCluster } from '../../support/cluster.js';
import { useRedis } from '../../support/redis.js';
import { SentinelSet } from '../../support/sentinel.js';
import { HAS_SHARDED, IF_SHARDED } from '../../support/sharded.js';
import { startContext } from '../module/apps.js';
import {
  EventHandlers,
  grant,
  GroupHandlers,
  HISTORY,
  KeyHandlers,
  PASSWORD,
  PREFIX,
  refusals,
  USER,
  useAll,
  withoutLogin,
  type Uses,
} from './service.js';

const LOGIN = { username: USER, password: PASSWORD };

/** The rights that the service needs, by what it tells an inspector. */
async function plan({ options, servers, later = [] }: Uses): Promise<readonly Right[]> {
  const connection = withoutLogin(options.connection);
  const module = RedisPubSubModule.forRoot({
    prefix: PREFIX,
    history: HISTORY,
    ...options,
    connection,
  });
  const { app } = await startContext({
    imports: [module],
    controllers: [EventHandlers, GroupHandlers],
    providers: [KeyHandlers],
  });
  const { instances } = await app.get(PubSubInspector).instances({ timeout: 5_000 });
  await app.close();
  expect(instances).toHaveLength(1);
  const version = versionIn(await servers[0]!.info('server'))!;
  const uses = new Set<LaterUse>(['request', 'history', 'recover', ...later]);
  return planAcl(instances, { version, later: uses }).rights;
}

/** Undoes what a history has kept of a message that Redis then refuses to publish. */
const UNDO = '+rpop';

/** Without each right in turn, Redis refuses something. */
async function superfluousIn(uses: Uses, rights: readonly Right[]): Promise<string[]> {
  const superfluous: string[] = [];
  for (const right of rights) {
    const others = rights.filter((it) => it !== right);
    await grant(uses, others);
    const options = { ...uses.options, onStart: 'fail', requestTimeout: 2_000 } as const;
    await useAll({ ...uses, options }, true).catch(() => undefined);
    const isNeeded = right.rule === UNDO || (await refusals(uses.servers)).length > 0;
    if (!isNeeded) superfluous.push(right.rule);
  }
  return superfluous;
}

async function assertLeast(uses: Uses): Promise<readonly Right[]> {
  const rights = await plan(uses);
  await grant(uses, rights);
  expect(await useAll(uses)).toEqual([]);
  expect(await refusals(uses.servers)).toEqual([]);
  expect(await superfluousIn(uses, rights)).toEqual([]);
  return rights;
}

const TIMEOUT_MS = 180_000;

describe('the least privilege of a service', () => {
  describe('with one server', () => {
    const redis = useRedis();
    const servers = (): readonly Redis[] => [redis.client];
    const connection = () => ({ host: '127.0.0.1', port: redis.port, ...LOGIN });

    it('is enough, and each right is needed', { timeout: TIMEOUT_MS }, async () => {
      const handshake = { db: 1, connectionName: 'shop', readOnly: true };
      const options = { connection: { ...connection(), ...handshake }, batchPublishes: true };
      // A shard channel, for the inspector to ask for its subscribers.
      const other = redis.client.duplicate();
      closeAfterTest(async () => other.disconnect());
      if (HAS_SHARDED) await other.ssubscribe(`${PREFIX}shard`);
      const later = ['query', 'inspect'] as const;
      const rights = await assertLeast({ options, servers: servers(), later });
      expect(rights.map(({ rule }) => rule)).toEqual(
        expect.arrayContaining(['&shop:order.*', '&__keyevent@0__:expired', '+eval', '+select']),
      );
    });

    it.runIf(HAS_SHARDED)(
      `is enough, and each right is needed, with sharded Pub/Sub${IF_SHARDED}`,
      { timeout: TIMEOUT_MS },
      async () => {
        const options = { connection: connection(), sharded: true, notify: 'set' } as const;
        const rights = await assertLeast({ options, servers: servers(), later: ['query'] });
        expect(rights.map(({ rule }) => rule)).toEqual(
          expect.arrayContaining(['+spublish', '+config|set', '+pubsub|shardnumsub']),
        );
      },
    );
  });

  describe('with Sentinel', () => {
    let set: SentinelSet | undefined;
    beforeAll(async () => {
      set = await SentinelSet.start();
    });
    afterAll(() => set?.stop());

    it('is enough, and each right is needed', { timeout: TIMEOUT_MS }, async () => {
      const { sentinels, name } = set!;
      const hosts = sentinels.map(({ port }) => ({ host: '127.0.0.1', port }));
      const options = { connection: { sentinels: hosts, name, ...LOGIN } };
      // A replica has users of its own.
      const servers = [(await set!.master()).client];
      const rights = await assertLeast({ options, servers });
      expect(rights.map(({ rule }) => rule)).not.toContain('+cluster|nodes');
    });
  });

  describe('with a Cluster', () => {
    const cluster = useCluster();
    const uses = (sharded: boolean): Uses => ({
      options: {
        connection: { nodes: cluster().startupNodes, options: { redisOptions: LOGIN } },
        sharded,
      },
      servers: cluster().nodes.map(({ client }) => client),
      later: ['query'],
    });

    it('is enough, and each right is needed', { timeout: TIMEOUT_MS }, async () => {
      const rights = await assertLeast(uses(false));
      expect(rights.map(({ rule }) => rule)).toContain('+cluster|nodes');
    });

    it.runIf(HAS_SHARDED)(
      `is checked at each master by PubSubAcl${IF_SHARDED}`,
      { timeout: TIMEOUT_MS },
      async () => {
        const { options, servers } = uses(false);
        await grant({ options, servers }, await plan({ options, servers }));
        const { app } = await startContext({
          imports: [RedisPubSubModule.forRoot({ prefix: PREFIX, ...options })],
          controllers: [EventHandlers],
          providers: [KeyHandlers],
        });
        const acl = app.get(PubSubAcl);
        const as = withoutLogin(options.connection);
        await expect(acl.assert({ as })).resolves.toBeUndefined();
        const [, master] = await cluster().masters();
        await master!.client.call('ACL', 'SETUSER', USER, '-ping');
        await expect(acl.assert({ as })).rejects.toThrow(
          `The user "${USER}" lacks rights at 127.0.0.1:${master!.port}: +ping (the heartbeat). Add them: ACL SETUSER ${USER} +ping`,
        );
      },
    );

    it.runIf(HAS_SHARDED)(
      `is enough, and each right is needed, with sharded Pub/Sub${IF_SHARDED}`,
      { timeout: TIMEOUT_MS },
      async () => {
        const rights = await assertLeast(uses(true));
        expect(rights.map(({ rule }) => rule)).toContain('+ssubscribe');
      },
    );
  });
});
