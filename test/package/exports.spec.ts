import { readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import * as library from 'nestjs-redis-pubsub';
import * as otel from 'nestjs-redis-pubsub/otel';
import * as prometheus from 'nestjs-redis-pubsub/prometheus';
import * as testing from 'nestjs-redis-pubsub/testing';

/** What a module of a subpath may need, and the main entry must not load. */
const LEAVES = /^(?:testing|prometheus|otel)\/|^prom-client$|^@opentelemetry\//;

/** The files and the packages that a file of `dist` imports, itself and by way of others. */
function importsOf(entry: string): Set<string> {
  const found = new Set<string>();
  const read = (file: string): void => {
    if (found.has(relative('dist', file))) return;
    found.add(relative('dist', file));
    const text = readFileSync(file, 'utf8');
    for (const [, from = ''] of text.matchAll(/(?:from|import) ?['"]([^'"]+)['"]/g)) {
      if (!from.startsWith('.')) found.add(from);
      else
        read(join(dirname(file), from.replace(/\.js$/, /(?:\.d)?\.[jt]s$/.exec(file)?.[0] ?? '')));
    }
  };
  read(join('dist', entry));
  return found;
}

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
      'RedisPubSubHealthIndicator',
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
      'HandleTrace',
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
      'PubSubLoss',
      'PubSubMessage',
      'PubSubReply',
      'PubSubSubscription',
      'PublishTrace',
      'PublishingOptions',
      'RedisConnection',
      'RedisConnectionOptions',
      'RedisPubSubClientOptions',
      'RedisPubSubEvents',
      'RedisPubSubHealth',
      'RedisPubSubHealthDetails',
      'RedisPubSubHealthOptions',
      'RedisPubSubModuleOptions',
      'RedisPubSubOptions',
      'RedisPubSubServerOptions',
      'RedisPubSubStatus',
      'SendAllOptions',
      'SubscribeOptions',
      'TelemetryEvents',
      'TopologyProvider',
    ]);
  });

  it.each(['index.js', 'index.d.ts'])('of %s need no subpath and no optional peer', (entry) => {
    const imported = [...importsOf(entry)];
    expect(imported).toContain('ioredis');
    expect(imported.filter((name) => LEAVES.test(name))).toEqual([]);
  });

  it('of "prometheus" are exactly these', () => {
    expect(Object.keys(prometheus)).toEqual(['PubSubMetricsModule']);
    expect([...importsOf('prometheus/index.js')]).toContain('prom-client');
  });

  it('of "otel" are exactly these', () => {
    expect(Object.keys(otel).toSorted()).toEqual(['PubSubTracingModule', 'tracePubSub', 'traced']);
    expect([...importsOf('otel/index.js')]).toContain('@opentelemetry/api');
  });

  it('of "testing" are exactly these', () => {
    expect(Object.keys(testing).toSorted()).toEqual([
      'InMemoryRedis',
      'PubSubRecorder',
      'RedisFaultProxy',
      'withInMemoryRedis',
    ]);
    expect([...importsOf('testing/index.js')]).not.toContain('@nestjs/testing');
  });
});
