import { inspect } from 'node:util';
import { firstValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';
import {
  PubSubError,
  RedisPubSubClient,
  RedisPubSubModule,
  RedisPubSubService,
  type RedisPubSubModuleOptions,
} from 'nestjs-redis-pubsub';
import { captureLog, closeAfterTest, createClient, type TestLog } from '../../support/app.js';
import { eventually, plain, useRedis } from '../../support/redis.js';
import { startProxy } from '../../support/tcp-proxy.js';
import { startContext } from '../module/apps.js';

const SECRET = 'hunter2-marked';
/** A part of it: `JSON.parse` repeats the first characters of a text. */
const PART = 'hunter2';
const USER = 'secretive';

/** Everything that a log or the print of a crash may show. */
const shown = (value: unknown): string =>
  inspect(value, { depth: Infinity, showHidden: true, maxStringLength: Infinity });

const failureOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    (value) => `no failure: ${String(value)}`,
    (error: unknown) => error,
  );

/** The errors of this package among these, and those that show a secret. */
const checked = (errors: readonly unknown[]) => ({
  isOurs: errors.every((error) => error instanceof PubSubError),
  leaks: errors.map(shown).filter((text) => text.includes(PART)),
});
const CLEAN = { isOurs: true, leaks: [] };
const leaksOf = (log: TestLog): string[] =>
  log.lines.map(({ text }) => text).filter((text) => text.includes(PART));

describe.each([2, 3] as const)('an error, its causes and the log (RESP%i)', (protocol) => {
  const redis = useRedis();

  const login = { username: USER, password: SECRET, protocol };
  const allow = async (...rules: string[]): Promise<void> => {
    await redis.client.acl('SETUSER', USER, 'reset', 'on', `>${SECRET}`, '+@all', '&*', ...rules);
    closeAfterTest(() => redis.client.acl('DELUSER', USER));
  };

  const start = async (options: RedisPubSubModuleOptions = {}) => {
    const connection = { ...plain(redis.port), ...login };
    const { app, log } = await startContext({
      imports: [RedisPubSubModule.forRoot({ connection, ...options })],
    });
    return { service: app.get(RedisPubSubService), client: app.get(RedisPubSubClient), log };
  };

  it.each([false, true])('have no payload of what Redis refuses (batches: %j)', async (batches) => {
    await allow('resetchannels', '&_pubsub.*');
    const { service, client, log } = await start({ batchPublishes: batches });
    const published = Array.from({ length: 100 }, () => failureOf(service.publish('a', SECRET)));
    const errors = await Promise.all([
      ...published,
      failureOf(firstValueFrom(client.emit('a', { password: SECRET }))),
      failureOf(firstValueFrom(client.send('a', SECRET))),
      failureOf(service.subscribe('a', () => undefined)),
    ]);
    // Without a subscriber the failure of an event is logged.
    client.emit('a', SECRET);
    await eventually(() => log.of('error').length > 0);
    expect(checked(errors)).toEqual(CLEAN);
    expect(leaksOf(log)).toEqual([]);
  });

  it('have no payload of what was in flight', async () => {
    await allow();
    const proxy = await startProxy(redis.port);
    const { service, client, log } = await start({
      connection: { ...plain(proxy.port), ...login },
      publishBuffer: false,
    });
    proxy.hold(/publish/i);
    const pending = [
      failureOf(service.publish('a', SECRET)),
      failureOf(firstValueFrom(client.emit('a', SECRET))),
      failureOf(firstValueFrom(client.send('a', SECRET))),
    ];
    await eventually(() => proxy.holding > 0);
    proxy.cut();
    const lost = await Promise.all(pending);
    const unbuffered = await failureOf(service.publish('a', SECRET));
    expect(checked([...lost, unbuffered].filter((it) => it instanceof Error))).toEqual(CLEAN);
    expect(leaksOf(log)).toEqual([]);
  });

  it('have no payload that cannot be encoded or decoded', async () => {
    await allow();
    const codec = {
      encode: (value: unknown) => JSON.stringify(value),
      decode: (bytes: Uint8Array): unknown => JSON.parse(Buffer.from(bytes).toString()),
    };
    const { service, log } = await start({ codec });
    const circle: Record<string, unknown> = { password: SECRET };
    circle.self = circle;
    await service.subscribe('a', () => undefined);
    await redis.client.publish('a', `${SECRET} "${SECRET}`);
    await redis.client.publish('a', `{"a":"${SECRET}" ${SECRET}}`);
    await eventually(() => log.of('error').length === 2);
    expect(checked([await failureOf(service.publish('a', circle))])).toEqual(CLEAN);
    expect(leaksOf(log)).toEqual([]);
  });

  it('have no password of a refused login, for listeners of the client, too', async () => {
    await allow();
    const log = captureLog();
    const connection = { ...plain(redis.port), ...login, password: `${SECRET}-wrong` };
    const client = createClient({ connection });
    const heard: unknown[] = [];
    client.on('error', (...heardNow: unknown[]) => heard.push(heardNow));
    const error = await failureOf(client.connect());
    await eventually(() => heard.length > 0);
    expect(checked([error])).toEqual(CLEAN);
    expect(leaksOf(log)).toEqual([]);
    expect(shown(heard)).not.toContain(PART);
    expect(shown(heard)).toContain('WRONGPASS');
  });
});

describe('a server that does not know PUBLISH', () => {
  const redis = useRedis(['--rename-command', 'PUBLISH', '']);

  it('repeats the payload, and the error of this package does not', async () => {
    const raw = await failureOf(redis.client.call('PUBLISH', 'a', SECRET));
    expect(String(raw)).toContain(SECRET);
    const client = createClient({ connection: plain(redis.port) });
    const error = await failureOf(firstValueFrom(client.emit('a', SECRET)));
    expect(String(error)).toContain('unknown command');
    expect(shown(error)).not.toContain(PART);
  });
});
