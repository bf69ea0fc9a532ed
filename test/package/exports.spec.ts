import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import * as library from 'nestjs-redis-pubsub';

describe('exports', () => {
  it('are exactly these', () => {
    expect(Object.keys(library).toSorted()).toEqual([
      'Channel',
      'ChannelParam',
      'ClosedError',
      'CommandRefusedError',
      'ConnectionError',
      'InvalidChannelError',
      'InvalidOptionError',
      'Key',
      'KeyEvent',
      'KeyNotification',
      'KeyParam',
      'MessageHeader',
      'NoSubscribersError',
      'OnHashField',
      'OnKey',
      'OnKeyEvent',
      'PayloadError',
      'PubSubError',
      'REDIS_PUBSUB',
      'RedisPubSubClient',
      'RedisPubSubContext',
      'RedisPubSubModule',
      'RedisPubSubRecord',
      'RedisPubSubRecordBuilder',
      'RedisPubSubServer',
      'RedisPubSubService',
      'RequestTimeoutError',
      'Subscribe',
      'buildChannel',
      'decodeSegment',
      'encodeSegment',
      'escapeGlob',
    ]);
  });

  it('are, types included, exactly these', () => {
    const declarations = readFileSync('dist/index.d.ts', 'utf8');
    const names = [...declarations.matchAll(/export (?:type )?\{([^}]*)\}/g)].flatMap((match) =>
      (match[1] ?? '').split(',').map((name) => name.replace(/^\s*type /, '').trim()),
    );
    const types = names.filter((name) => name !== '' && !(name in library));
    expect(types.toSorted()).toEqual([
      'ChannelParams',
      'ClusterConnection',
      'Codec',
      'Credentials',
      'CredentialsProvider',
      'DropReason',
      'HandlerGap',
      'HandlerOptions',
      'Headers',
      'ObserveKeyEventOptions',
      'ObserveKeysOptions',
      'ObserveOptions',
      'OnKeyEventOptions',
      'OnKeyOptions',
      'OnRedisPubSubReady',
      'PubSubErrorCode',
      'PubSubGap',
      'PubSubHandler',
      'PubSubMessage',
      'PubSubReply',
      'PubSubSubscription',
      'PublishingOptions',
      'RedisConnection',
      'RedisConnectionOptions',
      'RedisPubSubClientOptions',
      'RedisPubSubEvents',
      'RedisPubSubModuleOptions',
      'RedisPubSubOptions',
      'RedisPubSubServerOptions',
      'RedisPubSubStatus',
      'SendAllOptions',
      'SubscribeOptions',
      'TelemetryEvents',
    ]);
  });
});
