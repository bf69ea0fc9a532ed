import * as fc from 'fast-check';
import { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { InvalidOptionError, REDIS_PUBSUB } from 'nestjs-redis-pubsub';
import { isConnectionField } from '../../../src/options/connection-names.js';
import {
  resolveHandlerOptions,
  resolveOptions,
  type OptionOwner,
} from '../../../src/options/resolve-options.js';

const SERVER = 'RedisPubSubServer';
const CLIENT = 'RedisPubSubClient';
const MODULE = 'RedisPubSubModule';
const OWNERS = [SERVER, CLIENT, MODULE] as const;
/** A codec that tells its own payloads. */
const READER = { encode: String, decode: String, recognizes: Boolean };
const HOOK = { serialize: () => '', deserialize: () => '' };

/** Each option: the classes that obey it, its default, a valid value and an invalid one. */
const OPTIONS: Record<string, [readonly OptionOwner[], unknown, unknown, unknown]> = {
  connection: [OWNERS, 'redis://localhost:6379', 'redis://10.0.0.1', 'http://10.0.0.1'],
  credentials: [OWNERS, undefined, () => ({ password: 'x' }), 'x'],
  name: [OWNERS, 'redis-pubsub', 'orders', ''],
  prefix: [OWNERS, '', 'shop:', 1],
  codec: [OWNERS, 'envelope', 'json', 'xml'],
  accepts: [OWNERS, [], [READER], [{ ...READER, envelope: false }]],
  messageIds: [OWNERS, true, false, 1],
  sharded: [OWNERS, false, true, 1],
  maxPayloadBytes: [OWNERS, Infinity, 1, 0],
  reservedSegment: [OWNERS, '_pubsub', 'own', 'a.b'],
  publishBuffer: [OWNERS, { maxMessages: 1_000, maxAge: 2_000, maxBytes: 67_108_864 }, false, true],
  publishLimit: [
    OWNERS,
    { maxMessages: 100_000, maxBytes: 67_108_864 },
    { maxMessages: 1, maxBytes: 1 },
    false,
  ],
  history: [OWNERS, undefined, { 'user.:id': { size: 100, ttl: 600_000 } }, { a: { size: 1 } }],
  batchPublishes: [OWNERS, false, true, 'yes'],
  pingInterval: [OWNERS, 3_000, 1, 0],
  pingTimeout: [OWNERS, 3_000, 1, 0],
  probeInterval: [OWNERS, 5_000, 0, -1],
  addressCheckInterval: [OWNERS, 30_000, 0, -1],
  onStart: [[SERVER, MODULE], 'wait', 'background', 'later'],
  startTimeout: [[SERVER, MODULE], 30_000, 0, -1],
  shutdownTimeout: [[SERVER, MODULE], 5_000, 0, -1],
  transportId: [[SERVER, MODULE], REDIS_PUBSUB, 1, 'redis'],
  requestTimeout: [[CLIENT, MODULE], 30_000, 0, -1],
  replies: [[CLIENT, MODULE], 'inbox', 'compat', 'both'],
  serializer: [[SERVER, CLIENT], undefined, HOOK, {}],
  deserializer: [[SERVER, CLIENT], undefined, HOOK, {}],
  inheritAppConfig: [[MODULE], true, false, 1],
  notify: [[SERVER, MODULE], 'check', 'set', 'always'],
  introspection: [[SERVER, MODULE], true, false, 'yes'],
  handlers: [[MODULE], true, false, 1],
};

const cases = Object.entries(OPTIONS).flatMap(([name, [owners, ...values]]) =>
  OWNERS.map((owner) => ({ name, owner, isOwned: owners.includes(owner), values })),
);

/** The message of an error, or nothing. */
function outcome(run: () => unknown): string {
  try {
    run();
    return '';
  } catch (error) {
    return String(error);
  }
}

describe('resolveOptions', () => {
  it.each([
    [{ codec: 'json', accepts: [READER] }, 'empty for bare data, which does not tell its format'],
    [{ codec: { ...READER, envelope: false }, accepts: ['envelope'] }, 'empty for bare data'],
    [{ accepts: ['envelope'] }, 'codecs with the function "recognizes"'],
    [{ accepts: [{ encode: String, decode: String }] }, 'codecs with the function "recognizes"'],
    [{ accepts: ['json'] }, 'Expected "accepts[0]" to be a codec with an envelope'],
    [{ accepts: [READER, 'xml'] }, 'Expected "accepts[1]" to be "envelope", "json" or an object'],
    [{ accepts: READER }, 'Expected "accepts" to be an array of codecs'],
  ])('refuses formats that cannot be told apart: %o', (options, text) => {
    expect(outcome(() => resolveOptions('RedisPubSubModule', options))).toContain(text);
  });

  it('takes several formats of which one cannot tell its payloads', () => {
    const { codec, accepts } = resolveOptions('RedisPubSubModule', {
      codec: READER,
      accepts: ['envelope', READER],
    });
    expect([codec, ...accepts]).toEqual([READER, 'envelope', READER]);
  });

  it.each(OWNERS)('gives %s every option with its default', (owner) => {
    const defaults = Object.fromEntries(
      Object.entries(OPTIONS).map(([name, [, it]]) => [name, it]),
    );
    expect(resolveOptions(owner)).toEqual(defaults);
    expect(resolveOptions(owner, {})).toEqual(defaults);
  });

  it.each(cases.filter(({ isOwned }) => isOwned))(
    'checks $name of $owner',
    ({ name, owner, values: [, valid, invalid] }) => {
      expect(resolveOptions(owner, { [name]: valid })).toMatchObject({ [name]: valid });
      const resolve = (): unknown => resolveOptions(owner, { [name]: invalid });
      expect(resolve).toThrow(InvalidOptionError);
      expect(resolve).toThrow(`Expected "${name}`);
    },
  );

  it.each(cases.filter(({ isOwned }) => !isOwned))(
    'refuses $name of $owner, unless it is undefined',
    ({ name, owner, values: [standard, valid] }) => {
      const resolve = (): unknown => resolveOptions(owner, { [name]: valid });
      expect(resolve).toThrow(InvalidOptionError);
      expect(resolve).toThrow(`only, not of ${owner}`);
      expect(resolveOptions(owner, { [name]: undefined })).toMatchObject({ [name]: standard });
    },
  );

  it('uses the default for undefined', () => {
    const names = fc.subarray(Object.keys(OPTIONS).filter((name) => name !== 'connection'));
    fc.assert(
      fc.property(names, fc.constantFrom(...OWNERS), (absent, owner) => {
        const options = Object.fromEntries(absent.map((name) => [name, undefined]));
        expect(resolveOptions(owner, options)).toEqual(resolveOptions(owner));
      }),
    );
  });

  it('refuses an unknown option', () => {
    const name = fc
      .string()
      .filter((it) => !Object.hasOwn(OPTIONS, it) && it !== 'isGlobal' && !isConnectionField(it));
    fc.assert(
      fc.property(name, fc.constantFrom(...OWNERS), (unknown, owner) => {
        const options = JSON.parse(`{${JSON.stringify(unknown)}:1}`) as object;
        expect(() => resolveOptions(owner, options)).toThrow('Unknown option ');
      }),
    );
  });

  it.each([
    ['enableReadyCheck', 'a field of "connection": { connection: { enableReadyCheck } }'],
    ['lazyConnect', 'a field of "connection": { connection: { lazyConnect } }'],
    ['maxRetriesPerRequest', 'a field of "connection": { connection: { maxRetriesPerRequest } }'],
    ['enableOfflineQueue', 'a field of "connection": { connection: { enableOfflineQueue } }'],
    ['sentinelPassword', 'a field of "connection": { connection: { sentinelPassword } }'],
    ['uri', 'the "connection": { connection: "redis://…" }'],
    ['connectionString', 'the "connection": { connection: "redis://…" }'],
    ['pass', 'a field of "connection", called password there'],
    ['auth', 'a field of "connection", called password there'],
    ['auth_pass', 'a field of "connection", called password there'],
    ['user', 'a field of "connection", called username there'],
    ['ssl', 'a field of "connection", called tls there'],
    ['hostname', 'a field of "connection", called host there'],
    ['database', 'a field of "connection", called db there'],
    ['socket', 'a field of "connection", called host, port and tls'],
    ['nodes', 'a field of "connection": { connection: { nodes } }'],
    ['cluster', 'the nodes of "connection": { connection: { nodes } }'],
    ['redisOptions', 'a field of "connection", beside its nodes'],
    ['redis', 'the "connection"'],
    ['tlsOptions', 'a field of "connection", called tls there'],
  ])('tells where %s belongs, without its value', (name, where) => {
    for (const owner of OWNERS) {
      const resolve = (): unknown => resolveOptions(owner, { [name]: 'hunter2' });
      expect(resolve).toThrow(where);
      expect(resolve).not.toThrow('hunter2');
    }
  });

  it.each(Object.keys(OPTIONS))('shows no text that was given for %s', (name) => {
    const texts = ['h,password=hunter2', 'redis://:hunter2@h', 'h:1:hunter2', 'hunter2'];
    // A bare word may be a host; a prefix and a codec are text.
    const isText = [
      'connection',
      'prefix',
      'codec',
      'onStart',
      'notify',
      'replies',
      'reservedSegment',
    ].includes(name);
    for (const text of isText ? texts.slice(0, 3) : texts) {
      for (const owner of OWNERS) {
        expect(outcome(() => resolveOptions(owner, { [name]: text }))).not.toContain('hunter2');
      }
    }
  });

  it('explains where isGlobal belongs', () => {
    expect(() => resolveOptions(MODULE, { isGlobal: true })).toThrow(
      'an argument of RedisPubSubModule.forRoot',
    );
  });

  it.each([null, [], 'redis://localhost', 1])('refuses %j in the place of the options', (it) => {
    expect(() => resolveOptions(SERVER, it as unknown as object)).toThrow(
      'Expected "options" to be an object',
    );
  });

  it.each([
    [SERVER, { prefix: '_pubsub.x' }, 'outside the reserved "_pubsub."'],
    [SERVER, { prefix: 'own.', reservedSegment: 'own' }, 'outside the reserved "own."'],
    [CLIENT, { sharded: true, replies: 'compat' }, 'false with replies: "compat"'],
    [
      SERVER,
      { connection: new Redis({ lazyConnect: true }), credentials: () => ({ password: 'x' }) },
      'absent beside a client of your own',
    ],
  ] as const)('refuses for %s %j, which exclude each other', (owner, options, message) => {
    expect(() => resolveOptions(owner, options)).toThrow(message);
  });

  it.each([
    [SERVER, { prefix: '_pubsubs.' }],
    [SERVER, { prefix: 'own.' }],
    [CLIENT, { sharded: true }],
    [CLIENT, { replies: 'compat' }],
  ] as const)('accepts for %s %j', (owner, options) => {
    expect(resolveOptions(owner, options)).toMatchObject(options);
  });
});

describe('resolveHandlerOptions', () => {
  const DEFAULTS = {
    concurrency: Infinity,
    order: undefined,
    maxQueue: 10_000,
    maxQueueBytes: 67_108_864,
    overflow: 'drop-oldest',
    recover: false,
    sharded: undefined,
  };

  it('adds the defaults', () => {
    expect(resolveHandlerOptions()).toEqual(DEFAULTS);
    expect(resolveHandlerOptions({ concurrency: undefined })).toEqual(DEFAULTS);
  });

  it.each([
    { concurrency: 1 },
    { order: 'channel', concurrency: Infinity },
    { maxQueue: 0 },
    { maxQueueBytes: 0 },
    { maxQueueBytes: Infinity },
    { overflow: 'drop-newest' },
    { sharded: false },
    { sharded: true },
  ] as const)('accepts %j', (options) => {
    expect(resolveHandlerOptions(options)).toEqual({ ...DEFAULTS, ...options });
  });

  it('bounds the channels of a handler with order, whose names publishers choose', () => {
    expect(resolveHandlerOptions({ order: 'channel' })).toMatchObject({ concurrency: 1_000 });
  });

  it.each([
    ['concurency', 'Unknown handler option "concurency": did you mean "concurrency"? '],
    ['maxqueue', 'Unknown handler option "maxqueue": did you mean "maxQueue"? '],
    ['shard', 'Unknown handler option "shard": did you mean "sharded"? '],
  ])('refuses the misspelt name %s', (name, text) => {
    const refused = (): unknown => resolveHandlerOptions({ [name]: 1 });
    expect(refused).toThrow('There are concurrency, order, maxQueue');
    expect(refused).toThrow(text);
  });

  it.each(['retries', 'roles', '__proto__x', Symbol('own')])(
    'accepts an extra of the application: %s',
    (name) => {
      expect(resolveHandlerOptions({ [name]: 1 })).toEqual(DEFAULTS);
    },
  );

  it.each([
    ['concurrency', 0],
    ['concurrency', 1.5],
    ['maxQueueBytes', -1],
    ['maxQueueBytes', '1 MB'],
    ['order', 'all'],
    ['maxQueue', -1],
    ['overflow', 'block'],
    ['sharded', 1],
  ])('refuses %s = %j', (name, value) => {
    expect(() => resolveHandlerOptions({ [name]: value })).toThrow(`Expected "${name}"`);
  });
});
