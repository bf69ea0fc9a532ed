import { readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import * as library from 'nestjs-redis-pubsub';
import * as inspector from 'nestjs-redis-pubsub/inspector';
import * as asyncapi from 'nestjs-redis-pubsub/asyncapi';
import * as cache from 'nestjs-redis-pubsub/cache';
import * as graphql from 'nestjs-redis-pubsub/graphql';
import * as msgpack from 'nestjs-redis-pubsub/msgpack';
import * as otel from 'nestjs-redis-pubsub/otel';
import * as prometheus from 'nestjs-redis-pubsub/prometheus';
import * as resumable from 'nestjs-redis-pubsub/resumable';
import * as socketIo from 'nestjs-redis-pubsub/socket.io';
import * as testing from 'nestjs-redis-pubsub/testing';

/** What a module of a subpath may need, and the main entry must not load. */
const LEAVES =
  /^(?:testing|prometheus|otel|inspector|msgpack|asyncapi|cache|graphql|resumable|socket\.io)\/|^prom-client$|^msgpackr$|^graphql|^keyv|^@opentelemetry\/|socket\.io/;

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
      'MissingRightsError',
      'NoSubscribersError',
      'On',
      'OnHashField',
      'OnKey',
      'OnKeyEvent',
      'PayloadError',
      'PubSubAcl',
      'PubSubError',
      'PubSubInspector',
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
      'Respond',
      'Subscribe',
      'buildChannel',
      'contractHash',
      'decodeSegment',
      'defineEvents',
      'defineRequests',
      'dto',
      'encodeSegment',
      'escapeGlob',
      'latestByChannel',
    ]);
  });

  it('are, types included, exactly these', () => {
    const declarations = readFileSync('dist/index.d.ts', 'utf8');
    const names = [...declarations.matchAll(/export (?:type )?\{([^}]*)\}/g)].flatMap((match) =>
      (match[1] ?? '').split(',').map((name) => name.replace(/^\s*type /, '').trim()),
    );
    const types = names.filter((name) => name !== '' && !(name in library));
    expect(types.toSorted()).toEqual([
      'AssertAclOptions',
      'ChannelOf',
      'ChannelParams',
      'ChannelValues',
      'ClientOfRequests',
      'ClusterConnection',
      'Codec',
      'Contract',
      'ContractMessage',
      'ContractOptions',
      'Credentials',
      'CredentialsProvider',
      'DataFor',
      'Drift',
      'DriftSubject',
      'DriftVariant',
      'DropReason',
      'DtoOptions',
      'DtoSchema',
      'EventClient',
      'EventContract',
      'EventMethod',
      'EventSchemas',
      'EventService',
      'HandleTrace',
      'HandlerGap',
      'HandlerInfo',
      'HandlerOptions',
      'HandlerStats',
      'HandshakeCommand',
      'Headers',
      'HistoryLimits',
      'HistoryQuery',
      'InputOf',
      'InspectChannelsOptions',
      'InspectOptions',
      'InspectedChannel',
      'InspectedChannels',
      'InspectedDrift',
      'InspectedInstances',
      'InspectedPattern',
      'InspectedPatterns',
      'InstanceAccess',
      'InstanceInfo',
      'InstancePing',
      'InstanceStats',
      'JsonSchema',
      'MethodDecoratorOf',
      'ObserveEventsOptions',
      'ObserveKeyEventOptions',
      'ObserveKeysOptions',
      'ObserveOptions',
      'Observed',
      'OnKeyEventOptions',
      'OnKeyOptions',
      'OnRedisPubSubReady',
      'OutputOf',
      'ParamsOf',
      'PayloadOf',
      'PubSubErrorCode',
      'PubSubFollowed',
      'PubSubGap',
      'PubSubHandler',
      'PubSubHistory',
      'PubSubInspectorOptions',
      'PubSubLoss',
      'PubSubMessage',
      'PubSubRecovery',
      'PubSubReply',
      'PubSubSubscription',
      'PublishTrace',
      'PublishingOptions',
      'RecoverOptions',
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
      'RedisRequestClient',
      'RequestClient',
      'RequestContract',
      'RequestFor',
      'RequestMethod',
      'RequestSchema',
      'RequestSchemas',
      'ResponseFor',
      'ResponseOf',
      'Schema',
      'SchemaIssue',
      'SchemaResult',
      'SendAllOptions',
      'ServiceOfEvents',
      'SubscribeOptions',
      'TelemetryEvents',
      'TopologyProvider',
      'UnheardChannel',
      'UnheardChannels',
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

  it('of "asyncapi" are exactly these, and need no other package', () => {
    expect(Object.keys(asyncapi)).toEqual(['createAsyncApiDocument']);
    const ofMain = importsOf('index.js');
    const own = [...importsOf('asyncapi/index.js')].filter((it) => !ofMain.has(it));
    expect(own).toEqual(['asyncapi/index.js']);
  });

  it('of "msgpack" are exactly these', () => {
    expect(Object.keys(msgpack)).toEqual(['msgpack']);
    expect([...importsOf('msgpack/index.js')]).toContain('msgpackr');
  });

  it('of "cache" are exactly these, and need no other package', () => {
    expect(Object.keys(cache).toSorted()).toEqual(['LocalCache', 'LocalCacheStore']);
    const ofMain = importsOf('index.js');
    const own = [...importsOf('cache/index.js')].filter((it) => !ofMain.has(it));
    expect(own).toEqual(['cache/index.js']);
  });

  it('of "graphql" are exactly these, and need another package for their types only', () => {
    expect(Object.keys(graphql)).toEqual(['RedisPubSubEngine']);
    const ofMain = importsOf('index.js');
    const own = [...importsOf('graphql/index.js')].filter((it) => !ofMain.has(it));
    expect(own).toEqual(['graphql/index.js']);
    expect([...importsOf('graphql/index.d.ts')]).toContain('graphql-subscriptions');
  });

  it('of "otel" are exactly these', () => {
    expect(Object.keys(otel).toSorted()).toEqual(['PubSubTracingModule', 'tracePubSub', 'traced']);
    expect([...importsOf('otel/index.js')]).toContain('@opentelemetry/api');
  });

  it('of "inspector" are exactly these', () => {
    expect(Object.keys(inspector)).toEqual(['PubSubInspectorModule']);
    const packages = [...importsOf('inspector/index.js')].filter((it) => it.startsWith('@'));
    expect(packages).toContain('@nestjs/common');
    expect(packages.every((it) => it.startsWith('@nestjs/'))).toBe(true);
  });

  it('of "resumable" are exactly these, and need no other package', () => {
    expect(Object.keys(resumable).toSorted()).toEqual(['ResumableStreams', 'StreamError']);
    const ofMain = importsOf('index.js');
    const own = [...importsOf('resumable/index.js')].filter((it) => !ofMain.has(it));
    expect(own).toEqual(['resumable/index.js']);
  });

  it('of "socket.io" are exactly these', () => {
    expect(Object.keys(socketIo).toSorted()).toEqual(['RedisPubSubIoAdapter', 'createAdapter']);
    const ofMain = importsOf('index.js');
    const own = [...importsOf('socket.io/index.js')].filter((it) => !ofMain.has(it));
    expect(own.toSorted()).toEqual([
      '@nestjs/platform-socket.io',
      'socket.io-adapter',
      'socket.io/index.js',
    ]);
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
