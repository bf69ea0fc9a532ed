import { NestFactory } from '@nestjs/core';
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import { describe, expect, it } from 'vitest';
import {
  InvalidOptionError,
  RedisPubSubClient,
  RedisPubSubModule,
  RedisPubSubServer,
  type RedisPubSubClientOptions,
  type RedisPubSubModuleOptions,
  type RedisPubSubServerOptions,
} from 'nestjs-redis-pubsub';
import { captureLog } from '../../support/app.js';
import { errorOf, refusalOf, type Refusal } from './refusal.js';

const milliseconds = (option: string, least = 0): Refusal[] => [
  [option, '1000', `milliseconds from ${least} to 2147483647, got "1000"`],
  [option, least - 1, `got ${least - 1}`],
  [option, Number.NaN, 'got NaN'],
  [option, Infinity, 'got Infinity'],
  [option, 2 ** 31, 'got 2147483648'],
  [option, null, 'got null'],
  [option, true, 'got true'],
  [option, 5n, 'got 5'],
  [option, [1], 'got an array'],
];

const nestHook = (option: string, method: string): Refusal[] => [
  [option, 'identity', method],
  [option, {}, method],
  [option, { [method]: 'yes' }, method],
];

const shared: Refusal[] = [
  ['connection', 6379, 'a redis:// URL, ioredis options or an ioredis client, got 6379'],
  ['connection', null, 'got null'],
  ['connection', true, 'got true'],
  ['connection', ['redis://localhost'], 'got an array'],
  ['connection', () => 'redis://localhost', 'got a function'],
  ['connection', '', 'a redis:// or rediss:// URL, got ""'],
  ['connection', 'localhost:6379', 'a redis:// or rediss:// URL, got "localhost:6379"'],
  ['connection', 'http://localhost:6379', 'got "http://localhost:6379"'],
  ['connection', undefined, 'got undefined'],
  ['connection', new URL('redis://localhost'), 'the text of the URL, its "href", got an object'],
  ['connection', Promise.resolve('redis://localhost'), 'not a promise of it, got an object'],
  ['connection', createClient(), 'not a client of the package "redis", got an object'],
  [
    'connection',
    'redis://u:pw@undefined:6379',
    'a redis:// or rediss:// URL with a host, got "…@u',
  ],
  ['connection', 'redis://localhost/main', 'whose path is the number of a database'],
  ['connection', 'redis://:%zz@localhost', 'whose login is percent-encoded, got "…@localhost"'],
  ['connection.connectTimeout', '5000', 'milliseconds from 0 to 2147483647, got "5000"'],
  ['connection.db', Number.NaN, 'the number of a database, got NaN'],
  ['connection.socket', { host: 'h' }, 'called host, port and tls, without "socket" around them'],
  ['connection.hostname', 'h', 'called host, as in ioredis, got "h"'],
  ['connection.url', 'http://u:pw@h', 'a redis:// or rediss:// URL, got "…@h"'],
  ['connection.host', undefined, 'without the field it is localhost, got undefined'],
  ['connection.host', 'redis://u:pw@h', 'without a port, as a string, got "…@h"'],
  ['connection.host', 'h:6379', 'without a port, as a string, got "h:6379"'],
  ['host', 'h', 'a field of "connection": { connection: { host } }, got "…"'],
  ['password', 'hunter2', 'a field of "connection": { connection: { password } }, got "…"'],
  ['url', 'redis://u:pw@h', 'the "connection": { connection: "redis://…" }, got "…@h"'],
  ['wildcards', true, 'absent: the pattern of a handler decides between SUBSCRIBE and PSUBSCRIBE'],
  ['returnBuffers', true, 'absent: a payload that is not UTF-8 is a Buffer'],
  ['retryAttempts', 5, 'absent: it reconnects until it is closed'],
  ['retryDelay', 5, 'for other delays write connection.retryStrategy'],
  ['credentials', 'secret', 'a function, got "…"'],
  ['credentials', null, 'a function, got null'],
  ['connection.nodes', [], 'an array of at least one node, got an empty array'],
  ['connection.nodes', 'redis://localhost', 'got "redis://localhost"'],
  ['connection.nodes', [{ port: 0 }], 'got an object'],
  ['connection.nodes', [7000, 70_000], 'got 70000'],
  ['connection.nodes', ['http://localhost:7000'], 'got "http://localhost:7000"'],
  ['connection.nodes', ['::1:7001'], 'got "::1:7001"'],
  ['connection.nodes', ['rediss://u:pw@h:7000'], 'go into options.redisOptions, got "…@h:7000"'],
  ['connection.port', 0, 'a port from 1 to 65535, got 0'],
  ['connection.port', 65_536, 'got 65536'],
  ['connection.port', -1, 'got -1'],
  ['connection.port', 'redis', 'got "redis"'],
  ['connection.port', 6379.5, 'got 6379.5'],
  ['connection.port', true, 'got true'],
  ['connection.port', [6379], 'got an array'],
  ['connection.host', 127, 'a string, got 127'],
  ['connection.host', null, 'got null'],
  ['connection.retryStrategy', 5, 'a function, got 5'],
  ['connection.retryStrategy', true, 'got true'],
  ['name', '', 'text that is not empty, got ""'],
  ['name', 5, 'text that is not empty, got 5'],
  ['name', null, 'got null'],
  ['prefix', 5, 'a string of well-formed text, got 5'],
  ['prefix', null, 'got null'],
  ['prefix', 'a\ud800', 'a string of well-formed text'],
  ['prefix', '_pubsub.', 'got "_pubsub."'],
  ['prefix', '_pubsub.inbox.', 'got "_pubsub.inbox."'],
  ['codec', 'msgpack', '"envelope", "json" or an object with the functions "encode" and "decode"'],
  ['codec', 'msgpack', 'got "msgpack"'],
  ['codec', null, 'got null'],
  ['codec', {}, 'got an object'],
  ['codec', { encode: () => '' }, 'got an object'],
  ['codec', { encode: () => '', decode: 'no' }, 'got an object'],
  ['codec', JSON.parse, 'got a function'],
  ['maxPayloadBytes', 0, 'an integer ≥ 1, got 0'],
  ['maxPayloadBytes', -1, 'got -1'],
  ['maxPayloadBytes', 1.5, 'got 1.5'],
  ['maxPayloadBytes', '1mb', 'got "1mb"'],
  ['maxPayloadBytes', Number.NaN, 'got NaN'],
  ['maxPayloadBytes', -Infinity, 'got -Infinity'],
  ['maxPayloadBytes', null, 'got null'],
  ['reservedSegment', '', 'letters, digits, "_" or "-", got ""'],
  ['reservedSegment', 'a.b', 'got "a.b"'],
  ['reservedSegment', 'a*', 'got "a*"'],
  ['reservedSegment', 'a\n', String.raw`got "a\n"`],
  ['reservedSegment', 5, 'got 5'],
  ['reservedSegment', null, 'got null'],
  ['batchPublishes', 'yes', 'true or false, got "yes"'],
  ['publishBuffer', true, 'false or an object with maxMessages, maxAge and maxBytes, got true'],
  ['publishBuffer', null, 'got null'],
  ['publishBuffer', [], 'got an empty array'],
  [
    'publishBuffer',
    { maxMessage: 5 },
    'nothing but maxMessages, maxAge and maxBytes, got "maxMessage"',
  ],
  ['publishBuffer.maxMessages', 0, 'an integer ≥ 1, got 0'],
  ['publishBuffer.maxMessages', '9', 'got "9"'],
  ['publishBuffer.maxAge', 0, 'milliseconds from 1'],
  ['publishBuffer.maxAge', 'soon', 'got "soon"'],
  ['publishBuffer.maxBytes', 0, 'an integer ≥ 1, got 0'],
  ['publishLimit', false, 'an object with maxMessages and maxBytes, got false'],
  ['publishLimit', { maxAge: 5 }, 'nothing but maxMessages and maxBytes, got "maxAge"'],
  ['publishLimit.maxMessages', 0, 'an integer ≥ 1, got 0'],
  ['publishLimit.maxBytes', '9', 'got "9"'],
  ...milliseconds('pingInterval', 1),
  ...milliseconds('pingTimeout', 1),
  ...milliseconds('probeInterval'),
  ...milliseconds('addressCheckInterval'),
];

/** The connection, and options of the built-in transport. */
const NOT_OPTIONAL: ReadonlySet<string | undefined> = new Set(
  'connection host password url wildcards returnBuffers retryAttempts retryDelay'.split(' '),
);

const ofServer: Refusal[] = [
  ['onStart', 'later', '"wait" or "fail" or "background", got "later"'],
  ['onStart', false, 'got false'],
  ...milliseconds('startTimeout'),
  ...milliseconds('shutdownTimeout'),
  ['transportId', 'redis', 'a symbol or a Transport, got "redis"'],
  ['transportId', null, 'got null'],
  ['transportId', {}, 'got an object'],
];

const ofClient: Refusal[] = [
  ...milliseconds('requestTimeout'),
  ['replies', 'shared', '"inbox" or "compat", got "shared"'],
  ['replies', null, 'got null'],
  ['replies', true, 'got true'],
];

const hooks = [...nestHook('serializer', 'serialize'), ...nestHook('deserializer', 'deserialize')];

/** The options object. The name `connection.port` means the field `port` of the option `connection`. */
function optionsOf([option, value]: Refusal): object {
  const [outer = '', inner] = option.split('.');
  return { [outer]: inner ? { [inner]: value } : value };
}

const globalOptions = (): RedisPubSubModuleOptions => ({ isGlobal: true }) as object;

const constructors = {
  RedisPubSubServer: (options: object) => new RedisPubSubServer(options),
  RedisPubSubClient: (options: object) => new RedisPubSubClient(options),
  RedisPubSubModule: (options: object) => RedisPubSubModule.forRoot(options),
};

describe('an invalid option', () => {
  it.each([...shared, ...ofServer, ...hooks])(
    'of a server is rejected by the constructor: %s as %o',
    (...refusal) => {
      const options = optionsOf(refusal) as RedisPubSubServerOptions;
      expect(errorOf(() => new RedisPubSubServer(options))).toMatchObject(refusalOf(refusal));
    },
  );

  it.each([...shared, ...ofClient, ...hooks])(
    'of a client is rejected by the constructor: %s as %o',
    (...refusal) => {
      const options = optionsOf(refusal) as RedisPubSubClientOptions;
      expect(errorOf(() => new RedisPubSubClient(options))).toMatchObject(refusalOf(refusal));
    },
  );

  it.each([
    ...shared,
    ...ofServer,
    ...ofClient,
    ['inheritAppConfig', 'no', 'got "no"'] satisfies Refusal,
    ['inheritAppConfig', 0, 'got 0'] satisfies Refusal,
    ['handlers', 'none', 'true or false, got "none"'] satisfies Refusal,
    ['isGlobal', 'yes', 'true or false, got "yes"'] satisfies Refusal,
  ])('of the module is rejected by forRoot: %s as %o', (...refusal) => {
    const options = optionsOf(refusal) as RedisPubSubModuleOptions;
    expect(errorOf(() => RedisPubSubModule.forRoot(options))).toMatchObject(refusalOf(refusal));
  });

  it.each([[null], ['redis://localhost'], [6379], [true], [[]], [() => ({})]])(
    'is also a value that is passed in place of the options object: %o',
    (options) => {
      const all = options as unknown as object;
      for (const construct of [
        () => new RedisPubSubServer(all),
        () => new RedisPubSubClient(all),
        () => RedisPubSubModule.forRoot(all),
      ]) {
        expect(errorOf(construct)).toMatchObject(refusalOf(['options', options, 'an object']));
      }
    },
  );

  it('from a factory fails the start of the application', async () => {
    const module = RedisPubSubModule.forRootAsync({ useFactory: () => ({ pingInterval: 0 }) });
    const start = NestFactory.createApplicationContext(
      { module: class {}, imports: [module] },
      { logger: captureLog(), abortOnError: false },
    );
    await expect(start).rejects.toMatchObject(refusalOf(['pingInterval', 0, 'got 0']));
  });

  it.each(['http://user:hunter2@host:1', 'redis//:hunter2@host', 'amqp://:hunter2@host'])(
    'that contains a password does not show it in the error: %s',
    (connection) => {
      const error = errorOf(() => new RedisPubSubServer({ connection }));
      expect(error).toBeInstanceOf(InvalidOptionError);
      expect(String(error)).not.toContain('hunter2');
    },
  );

  it.each([
    ['RedisPubSubServer', 'requestTimeout', 5, 'RedisPubSubClient or RedisPubSubModule'],
    ['RedisPubSubServer', 'replies', 'inbox', 'RedisPubSubClient or RedisPubSubModule'],
    ['RedisPubSubServer', 'handlers', false, 'RedisPubSubModule'],
    ['RedisPubSubServer', 'inheritAppConfig', false, 'RedisPubSubModule'],
    ['RedisPubSubClient', 'onStart', 'wait', 'RedisPubSubServer or RedisPubSubModule'],
    ['RedisPubSubClient', 'startTimeout', 5, 'RedisPubSubServer or RedisPubSubModule'],
    ['RedisPubSubClient', 'shutdownTimeout', 5, 'RedisPubSubServer or RedisPubSubModule'],
    ['RedisPubSubClient', 'transportId', 5, 'RedisPubSubServer or RedisPubSubModule'],
    ['RedisPubSubClient', 'handlers', false, 'RedisPubSubModule'],
    ['RedisPubSubModule', 'serializer', null, 'RedisPubSubServer or RedisPubSubClient'],
    ['RedisPubSubModule', 'deserializer', null, 'RedisPubSubServer or RedisPubSubClient'],
  ] as const)('is one that %s does not support: %s', (owner, option, value, owners) => {
    const expected = `an option of ${owners} only, not of ${owner}`;
    expect(errorOf(() => constructors[owner]({ [option]: value }))).toMatchObject(
      refusalOf([option, value, expected]),
    );
  });

  it('is isGlobal outside the arguments of forRoot and forRootAsync', async () => {
    const refused = refusalOf(['isGlobal', true, 'beside useFactory, not in its result']);
    expect(errorOf(() => constructors.RedisPubSubServer({ isGlobal: true }))).toMatchObject(
      refused,
    );
    expect(errorOf(() => constructors.RedisPubSubClient({ isGlobal: true }))).toMatchObject(
      refused,
    );
    const start = NestFactory.createApplicationContext(
      {
        module: class {},
        imports: [RedisPubSubModule.forRootAsync({ useFactory: globalOptions })],
      },
      { logger: captureLog(), abortOnError: false },
    );
    await expect(start).rejects.toMatchObject(refused);
  });

  it('is not an option with the value undefined, except the connection', async () => {
    const keys = [...shared, ...ofServer, ...ofClient, ...hooks].map(([key]) => key.split('.')[0]);
    const options = keys.filter((key) => !NOT_OPTIONAL.has(key));
    const none = Object.fromEntries(options.map((key) => [key, undefined]));
    const given = none as RedisPubSubServerOptions & RedisPubSubClientOptions;
    const client = new RedisPubSubClient(given);
    const server = new RedisPubSubServer(given);
    expect(errorOf(() => RedisPubSubModule.forRoot(given))).toBeUndefined();
    await client.close();
    await server.close();
  });

  it('is credentials together with a client of the user’s own, which has its own login', () => {
    const connection = new Redis({ lazyConnect: true });
    const create = () =>
      new RedisPubSubClient({ connection, credentials: () => ({ password: 'x' }) });
    expect(create).toThrow('Expected "credentials" to be absent beside a client of your own');
  });
});
