import { describe, expect, it } from 'vitest';
import { useCluster } from '../../support/cluster.js';
import { eventually } from '../../support/redis.js';
import { HAS_SHARDED, IF_SHARDED } from '../../support/sharded.js';
import { startGateway } from '../socket.io/gateway-app.js';

const ROOM = 'room.1';
const ROOM_CHANNEL = '_pubsub.socketio.%.%2F.room.room%2E1';

describe('two instances with sockets over a Cluster', () => {
  const cluster = useCluster();

  async function startTwo(sharded: boolean) {
    const connection = { nodes: cluster().startupNodes };
    const options = { sharded, roomChannels: (room: string) => room === ROOM };
    const one = await startGateway({ connection }, options);
    const two = await startGateway({ connection }, options);
    const [ada, bob] = [await one.connect(), await two.connect()];
    await bob.socket.emitWithAck('join', ROOM);
    return { one, two, ada, bob };
  }

  it.each(HAS_SHARDED ? [false, true] : [false])(
    'broadcast, and know each other; sharded: %s',
    async (sharded) => {
      const { one, two, ada, bob } = await startTwo(sharded);
      one.io.emit('news', 1);
      one.io.to(ROOM).emit('in room', 2);
      await ada.receives('news', 1);
      await bob.receives('news', 1);
      await bob.receives('in room', 2);
      two.io.on('ask', (answer: (it: string) => void) => answer('two'));
      expect(await one.io.serverSideEmitWithAck('ask')).toEqual(['two']);
      expect(await one.io.fetchSockets()).toHaveLength(2);
      expect(await one.io.in(ROOM).fetchSockets()).toHaveLength(1);
    },
  );

  it.skipIf(!HAS_SHARDED)(
    `hear the broadcasts of a room again when the master of its channel fails over, and are told${IF_SHARDED}`,
    async () => {
      const { one, bob } = await startTwo(true);
      const before = await cluster().ownerOf(ROOM_CHANNEL);
      await cluster().failOver(before);
      await eventually(() => bob.events.some(([name]) => name === 'gap'));
      await eventually(() => {
        one.io.to(ROOM).emit('after');
        return bob.events.some(([name]) => name === 'after');
      });
      expect(bob.socket.connected).toBe(true);
    },
  );
});
