import { describe, expect, it } from 'vitest';
import { PubSubInspector } from 'nestjs-redis-pubsub';
import { planAcl } from '../../../src/acl/acl-plan.js';
import { versionIn, type Right } from '../../../src/acl/right.js';
import { closeAll } from '../../support/app.js';
import { eventually } from '../../support/eventually.js';
import { useRedis } from '../../support/redis.js';
import { HAS_SHARDED } from '../../support/sharded.js';
import { startGateway } from '../socket.io/gateway-app.js';
import { grant, PASSWORD, PREFIX, refusals, USER } from './service.js';

const NAMES = ['one namespace channel', 'room channels', 'shard channels'] as const;
const FORMS = {
  'one namespace channel': {},
  'room channels': { roomChannels: () => true },
  'shard channels': { sharded: true, roomChannels: () => true },
};

describe('the least privilege of gateways with the adapter of Socket.IO', () => {
  const redis = useRedis();
  const servers = () => [redis.client];

  /** Two gateways, which do all that the adapter can; and the rights that the first one tells of. */
  async function useGateways(name: (typeof NAMES)[number], login: object): Promise<Right[]> {
    const connection = { host: '127.0.0.1', port: redis.port, ...login };
    const options = { connection, prefix: PREFIX, onStart: 'fail' } as const;
    const one = await startGateway(options, FORMS[name]);
    const two = await startGateway(options, FORMS[name]);
    const [ada, bob] = [await one.connect(), await two.connect()];
    await bob.socket.emitWithAck('join', 'room');
    two.io.on('asked', (answer: (value: string) => void) => answer('two'));
    await eventually(async () => (await one.io.fetchSockets()).length === 2);
    expect(await one.io.serverSideEmitWithAck('asked')).toEqual(['two']);
    one.io.to('room').emit('in room');
    two.io.emit('to all');
    await bob.receives('in room');
    await ada.receives('to all');
    const { instances } = await one.app.get(PubSubInspector).instances({ timeout: 5_000 });
    const version = versionIn(await redis.client.info('server'))!;
    return [...planAcl(instances, { version, later: new Set(['inspect']), channels: [] }).rights];
  }

  /** What Redis refuses to gateways with these rights. */
  async function refusalsWith(name: (typeof NAMES)[number], rights: Right[]): Promise<string[]> {
    await grant({ servers: servers(), options: {} }, rights);
    const done = useGateways(name, { username: USER, password: PASSWORD }).catch(() => undefined);
    let isDone = false;
    void done.then(() => (isDone = true));
    await eventually(async () => isDone || (await refusals(servers())).length > 0);
    const refused = await refusals(servers());
    await closeAll();
    return refused;
  }

  it.each(NAMES.filter((name) => HAS_SHARDED || name !== 'shard channels'))(
    'is enough with %s, and the right to its channels is needed',
    { timeout: 180_000 },
    async (name) => {
      const rights = await useGateways(name, {});
      await closeAll();
      expect(rights.map(({ rule }) => rule)).toContain('&_pubsub.socketio.shop%3A.*');
      expect(await refusalsWith(name, rights)).toEqual([]);
      const others = rights.filter(({ rule }) => !rule.startsWith('&_pubsub.socketio.'));
      expect((await refusalsWith(name, others)).join()).toContain('_pubsub.socketio.');
    },
  );
});
