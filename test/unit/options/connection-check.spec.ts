import * as fc from 'fast-check';
import { Cluster, Redis } from 'ioredis';
import { createClient, createCluster } from 'redis';
import { describe, expect, it } from 'vitest';
import { InvalidOptionError } from 'nestjs-redis-pubsub';
import { checkConnection } from '../../../src/options/connection-check.js';

const FUNCTION = (): undefined => undefined;
const check = (connection: unknown): unknown => checkConnection('connection', connection);

describe('checkConnection', () => {
  it.each<[unknown]>([
    ['redis://localhost'],
    ['redis://[::1]:6379/'],
    ['rediss://user:sec%2Fret@redis.example:6380/1?connectTimeout=500&family=6'],
    [{}],
    [{ host: '10.0.0.1', port: 6_379 }],
    [{ host: 'fe80::1%eth0', db: 3, tls: {} }],
    [{ port: '6379', retryStrategy: null, password: undefined, tls: null }],
    [{ path: '/tmp/redis.sock', host: undefined, retryStrategy: FUNCTION }],
    [{ host: 'h', path: undefined, sentinels: undefined }],
    [{ url: 'redis://h', host: undefined, port: undefined }],
    [{ sentinels: [{ host: 'a', port: 26_379 }, { port: 1 }], name: 'main', host: undefined }],
    [{ lazyConnect: true, enableOfflineQueue: false, offlineQueue: true }],
    [Object.assign(Object.create(null) as object, { host: 'a' })],
    [{ password: 'x', connectionName: 'y' }],
    [{ host: 'a', anOptionOfALaterIoredis: 1 }],
    [{ host: 'a', Connector: class {} }],
    [{ url: 'redis://localhost:1/2', connectTimeout: 5 }],
    [{ url: 'redis://localhost:1/2', port: '1', db: 2, host: 'localhost' }],
    [{ url: 'rediss://localhost', tls: { rejectUnauthorized: false } }],
    [
      {
        nodes: [
          7_000,
          'redis://10.0.0.1:7001',
          '10.0.0.1:7001',
          { port: 2 },
          { host: 'a', port: 1 },
        ],
      },
    ],
    [{ nodes: [7_000], options: { redisOptions: { password: 'x' } } }],
    [new Redis({ lazyConnect: true })],
    [new Cluster([7_000], { lazyConnect: true })],
  ])('accepts %s', (connection) => {
    expect(check(connection)).toBe(connection);
  });

  it.each<[unknown, string]>([
    ['localhost', '"connection" to be a redis:// or rediss:// URL, got "localhost"'],
    ['http://localhost', '"connection" to be a redis:// or rediss:// URL'],
    ['redis://', '"connection" to be a redis:// or rediss:// URL with a host'],
    ['redis://undefined:6379', '"connection" to be a redis:// or rediss:// URL with a host'],
    ['redis://h/main', 'whose path is the number of a database'],
    ['redis://h?connectTimeout=soon', '"connection.connectTimeout" to be milliseconds'],
    ['redis://h?db=main', '"connection.db" to be the number of a database'],
    [null, '"connection" to be a redis:// URL, ioredis options or an ioredis client'],
    [undefined, '"connection" to be a redis:// URL, ioredis options or an ioredis client'],
    [[], '"connection" to be a redis:// URL, ioredis options or an ioredis client'],
    [5, '"connection" to be a redis:// URL, ioredis options or an ioredis client'],
    [new URL('redis://localhost'), 'to be the text of the URL, its "href"'],
    [Promise.resolve('redis://localhost'), 'and not a promise of it'],
    [createClient(), 'a client of ioredis ("new Redis(url)"), not a client of the package "redis"'],
    [createCluster({ rootNodes: [{}] }), 'not a client of the package "redis"'],
    [{ url: undefined }, '"connection.url" to be a redis:// or rediss:// URL, got undefined'],
    [{ url: 'redis://a', host: 'b' }, '"connection.host" to be absent beside "connection.url"'],
    [{ url: 'redis://a', path: '/x' }, '"connection.path" to be absent beside "connection.url"'],
    [{ url: 'redis://a/1', db: 2 }, '"connection.db" to be absent beside "connection.url"'],
    [{ url: 'redis://:a@b', password: 'c' }, '"connection.password" to be absent'],
    [{ url: 'redis://a?family=4', family: 6 }, '"connection.family" to be absent'],
    [{ url: 'redis://a', sentinels: [{ port: 1 }] }, '"connection.sentinels" to be absent'],
    [{ url: 'rediss://a', tls: false }, '"connection.tls" to be an object or absent'],
    [{ host: undefined }, '"connection.host" to be a host name or an address; without the field'],
    [{ host: undefined, port: 1 }, '"connection.host"'],
    [{ host: 1 }, '"connection.host"'],
    [{ host: '' }, '"connection.host"'],
    [{ host: 'undefined' }, '"connection.host"'],
    [{ host: 'redis://h' }, '"connection.host"'],
    [{ port: 0 }, '"connection.port"'],
    [{ port: 65_536 }, '"connection.port"'],
    [{ port: 1.5 }, '"connection.port"'],
    [{ port: 'x' }, '"connection.port"'],
    [{ path: '' }, '"connection.path"'],
    [{ retryStrategy: 5 }, '"connection.retryStrategy"'],
    [{ sentinels: [] }, '"connection.sentinels"'],
    [{ socket: { host: 'a' } }, '"connection.socket" to be called host, port and tls'],
    [{ database: 1 }, '"connection.database" to be called db'],
    [{ nodes: [] }, '"connection.nodes" to be an array of at least one node'],
    [{ nodes: 'a' }, '"connection.nodes" to be an array of at least one node'],
    [{ nodes: [0] }, '"connection.nodes" to be nodes as'],
    [{ nodes: [null] }, '"connection.nodes" to be nodes as'],
    [{ nodes: [{ port: 0 }] }, '"connection.nodes" to be nodes as'],
    [{ nodes: [{ host: 'redis://a' }] }, '"connection.nodes" to be nodes as'],
    [{ nodes: ['rediss://10.0.0.1'] }, '"connection.nodes" to be nodes as'],
    [{ nodes: ['redis://'] }, '"connection.nodes" to be nodes as'],
    [{ nodes: [undefined] }, '"connection.nodes" to be nodes as'],
    [{ nodes: ['h:1', undefined] }, '"connection.nodes" to be nodes as'],
    // oxlint-disable-next-line no-sparse-arrays -- the value of an application
    [{ nodes: [, 'h:1'] }, '"connection.nodes" to be nodes as'],
    [{ nodes: [{}] }, '"connection.nodes" to be nodes as'],
    [{ nodes: [{ host: undefined, port: 1 }] }, '"connection.nodes" to be nodes as'],
    [{ nodes: [{ host: 'a', port: undefined }] }, '"connection.nodes" to be nodes as'],
    [{ nodes: ['h:undefined'] }, '"connection.nodes" to be nodes as'],
    [{ sentinels: [{ host: undefined, port: 1 }], name: 'm' }, '"connection.sentinels" to be'],
    [{ sentinels: [{ host: 'a', port: undefined }], name: 'm' }, '"connection.sentinels" to be'],
    [{ sentinels: [{}], name: 'm' }, '"connection.sentinels" to be'],
    [{ sentinels: [undefined], name: 'm' }, '"connection.sentinels" to be'],
    [{ sentinels: undefined, name: 'm' }, '"connection.sentinels" to be'],
    [{ sentinels: [{ host: 'a' }], name: undefined }, '"connection.name" to be'],
    [{ path: undefined }, '"connection.path" to be'],
    [{ host: 'h', port: undefined }, '"connection.port" to be'],
    [{ hots: 'h' }, '"connection.hots" to be called host, as in ioredis'],
    [{ prot: 1 }, '"connection.prot" to be called port'],
    [{ host: 'h', pasword: 'x' }, '"connection.pasword" to be called password'],
    [{ host: 'h', conectTimeout: 1 }, '"connection.conectTimeout" to be called connectTimeout'],
    [{ options: { host: 'h' } }, '"connection" to be a redis:// URL, ioredis options'],
    [{ redis: { host: 'h' } }, '"connection" to be a redis:// URL, ioredis options'],
    [{ get: FUNCTION, internalConfig: {} }, '"connection" to be a redis:// URL, ioredis options'],
    [new Date(), '"connection" to be a redis:// URL, ioredis options'],
    [new Map([['host', 'h']]), '"connection" to be a redis:// URL, ioredis options'],
    [new Error('h'), '"connection" to be a redis:// URL, ioredis options'],
    [Buffer.from('redis://h'), '"connection" to be a redis:// URL, ioredis options'],
    [{ Connector: () => undefined }, '"connection.Connector" to be a class'],
    [{ nodes: [1], redisOptions: {} }, '"connection.redisOptions" to be a field of'],
    [{ nodes: [1], options: 5 }, '"connection.options" to be an object'],
    [
      { nodes: [1], options: { redisOptions: 5 } },
      '"connection.options.redisOptions" to be an object',
    ],
    [
      { nodes: [1], options: { redisOptions: { db: 'x' } } },
      '"connection.options.redisOptions.db"',
    ],
  ])('refuses %j', (connection, message) => {
    expect(() => check(connection)).toThrow(InvalidOptionError);
    expect(() => check(connection)).toThrow(message);
  });

  it('shows no password, wherever it is', () => {
    const secret = 'hunter2';
    const text = fc.constantFrom(
      `http://user:${secret}@localhost`,
      `redis://user:${secret}@undefined`,
      `redis://:${secret}@localhost/main`,
      `redis//:${secret}@localhost`,
      `redis://localhost/x?password=${secret}`,
      `redis://localhost?password=${secret}&db=x`,
      `h:6379,password=${secret},ssl=True`,
      `h:6379:${secret}`,
      `redis-cli -h x -a ${secret}`,
      `${secret}@h`,
    );
    const connection = fc.oneof(
      text,
      text.map((url) => ({ url })),
      text.map((host) => ({ host })),
      text.filter((path) => /:\/\/|:.*@/.test(path)).map((path) => ({ path })),
      text.map((port) => ({ port })),
      text.map((connectionString) => ({ connectionString })),
      text.map((connectTimeout) => ({ connectTimeout })),
      text.map((options) => ({ nodes: [1], options })),
      text.map((nodes) => ({ nodes })),
      text.map((host) => ({ sentinels: [{ host }], name: 'main' })),
      text.map((node) => ({ nodes: [node] })),
      text.map((host) => ({ nodes: [{ host }] })),
      fc.constantFrom(
        { url: 'redis://:x@h', password: secret },
        { password: [secret] },
        { port: secret },
        { tls: [secret] },
        { db: secret },
        { retryStrategy: secret },
        { sentinels: secret },
        { user: secret },
        { pasword: secret },
        { nodes: [1], options: secret },
        { auth: secret },
        { pass: secret },
        { nodes: [1], password: secret },
        { nodes: [1], options: { redisOptions: { password: [secret] } } },
      ),
    );
    fc.assert(
      fc.property(connection, (it) => {
        expect(() => check(it)).toThrow(InvalidOptionError);
        expect(() => check(it)).not.toThrow(secret);
      }),
    );
  });
});
