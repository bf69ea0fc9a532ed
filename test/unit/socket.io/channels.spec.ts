import { describe, expect, it } from 'vitest';
import { NamespaceChannels } from '../../../src/socket.io/channels.js';
import { ReservedChannels } from '../../../src/transport/reserved-channels.js';

const channelsOf = (prefix: string, namespace: string, sharded = false): NamespaceChannels =>
  new NamespaceChannels(
    { reserved: new ReservedChannels('_pubsub'), options: { prefix } } as never,
    namespace,
    sharded,
  );

describe('the channels of a namespace', () => {
  it('are reserved, and have its name', () => {
    const channels = channelsOf('shop:', '/chat');
    expect(channels.all).toEqual({
      kind: 'channel',
      name: '_pubsub.socketio.shop%3A.%2Fchat',
    });
    expect(channels.server('a1').name).toBe('_pubsub.socketio.shop%3A.%2Fchat.server.a1');
    expect(channels.room('r 1').name).toBe('_pubsub.socketio.shop%3A.%2Fchat.room.r%201');
    expect(channelsOf('', '/', true).all).toEqual({
      kind: 'shard',
      name: '_pubsub.socketio.%.%2F',
    });
  });

  it('differ for any two prefixes, namespaces and rooms', () => {
    const names = [
      channelsOf('a', '/b').all,
      channelsOf('a/', 'b').all,
      channelsOf('', '/a.b').all,
      channelsOf('', '/a').room('b'),
      channelsOf('', '/a').server('b'),
      channelsOf('', '/a.room.b').all,
      channelsOf('', '/a').room('{b}'),
      channelsOf('', '/a').room('\ud800'),
    ].map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    // Braces would choose the slot of a Cluster.
    expect(names.join('')).not.toMatch(/[{}]/);
  });
});
