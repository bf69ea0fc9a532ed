import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  Connection,
  type ConnectionOptions,
} from '../../../../src/broker/connection/connection.js';
import type { WatchedConnection } from '../../../../src/broker/connection/server-watch.js';
import { installCredentials } from '../../../../src/broker/connection/credentials.js';
import { ClosedError, ConnectionError } from '../../../../src/errors.js';
import {
  FakeClient,
  FakeLog,
  outcomeOf,
  pass,
  replyError,
  useFakeClock,
  useRealClock,
} from '../fake-client.js';

const REFUSED = new Error('connect ECONNREFUSED 10.0.0.1:6379');

/** A connection over a {@link FakeClient}, and the record of what it reports. */
class Bench {
  readonly client: FakeClient;
  readonly log = new FakeLog();
  readonly events: string[] = [];
  readonly connection: Connection;

  constructor(options: Partial<ConnectionOptions> = {}, client = new FakeClient()) {
    this.client = client;
    client.onCommand = ({ name, resolve }) => {
      if (name === 'quit') resolve('OK');
    };
    this.connection = new Connection(
      client.redis,
      {
        transport: 'test',
        role: 'publisher',
        isOwned: true,
        pingInterval: 1_000,
        pingTimeout: 500,
        log: this.log,
        ...options,
      },
      {
        onReady: () => this.events.push('ready'),
        onLost: () => this.events.push('lost'),
        onEnded: (error) => this.events.push(`ended: ${error.message}`),
      },
    );
  }

  /** Opens the connection. */
  async openReady(): Promise<void> {
    const opened = this.connection.open(1_000);
    await pass(0);
    this.client.becomeReady();
    await opened;
    // The line of the start.
    this.log.lines.length = 0;
  }
}

beforeEach(useFakeClock);
afterEach(useRealClock);

describe('Connection#open', () => {
  it('resolves when the client is ready', async () => {
    const { client, connection, events } = new Bench();
    const opened = outcomeOf(connection.open(1_000));
    await pass(0);
    client.becomeConnected();
    await pass(0);
    expect([opened.value, connection.isReady]).toEqual([undefined, false]);
    client.becomeReady();
    await pass(0);
    expect([opened.value, connection.isReady]).toEqual(['resolved', true]);
    expect([client.connects, events]).toEqual([1, ['ready']]);
  });

  it('takes a client for ready only if its socket stays open', async () => {
    const { client, connection, events } = new Bench();
    const opened = outcomeOf(connection.open(1_000));
    await pass(0);
    client.becomeConnected();
    // ioredis 5 closes a connection whose login was refused, and says that it is ready all the same.
    client.emit('error', replyError('WRONGPASS invalid username-password pair'));
    client.stream.writable = false;
    client.becomeReady();
    const again = outcomeOf(connection.open(0));
    await pass(0);
    expect([opened.value, again.value, connection.isReady]).toEqual([undefined, undefined, false]);
    client.lose();
    await pass(0);
    expect(String(opened.value)).toContain('WRONGPASS');
    expect([again.value, events]).toEqual([opened.value, []]);
  });

  it('resolves at once when the client is ready already', async () => {
    const { client, connection, events } = new Bench({ isOwned: false });
    client.becomeReady();
    await connection.open(0);
    expect([client.connects, events]).toEqual([0, ['ready']]);
  });

  it('rejects with the error of the first attempt when the timeout is 0', async () => {
    const { client, connection } = new Bench();
    const opened = connection.open(0);
    await pass(0);
    client.lose(REFUSED);
    await expect(opened).rejects.toThrow(
      new ConnectionError(
        'Redis is unreachable: connect ECONNREFUSED 10.0.0.1:6379. Connection is closed.',
      ),
    );
    await expect(opened).rejects.toMatchObject({ cause: REFUSED });
  });

  it('rejects at the timeout and not before, although attempts fail', async () => {
    const { client, connection } = new Bench();
    const opened = outcomeOf(connection.open(300));
    await pass(0);
    client.lose(REFUSED);
    client.startAttempt();
    await pass(299);
    expect(opened.value).toBeUndefined();
    await pass(1);
    expect(opened.value).toBeInstanceOf(ConnectionError);
  });

  it('rejects with how far the attempt got when there was no error', async () => {
    const { client, connection } = new Bench();
    const opened = outcomeOf(connection.open(300));
    await pass(0);
    client.becomeConnected();
    await pass(300);
    expect(opened.value).toMatchObject({
      message:
        'Redis is unreachable: connected, but no answer to the first command within 300 ms (at 10.0.0.1:6379). Connection is closed.',
    });
  });

  it('resolves for a caller after another one was rejected', async () => {
    const { client, connection, events } = new Bench();
    await expect(
      Promise.all([connection.open(100).catch(() => undefined), pass(100)]),
    ).resolves.toBeDefined();
    const opened = outcomeOf(connection.open(100));
    await pass(0);
    client.becomeReady();
    await pass(0);
    expect([opened.value, client.connects, events]).toEqual(['resolved', 1, ['ready']]);
  });

  it.each([
    'WRONGPASS invalid username-password pair',
    'NOAUTH Authentication required.',
    'ERR invalid password',
    'ERR Client sent AUTH, but no password is set',
  ])('rejects before the timeout when Redis refuses the login: %s', async (message) => {
    const { client, connection } = new Bench();
    const opened = outcomeOf(connection.open(60_000));
    await pass(0);
    client.becomeConnected();
    client.lose(replyError(message));
    await pass(0);
    expect(opened.value).toMatchObject({ message: expect.stringContaining(message.slice(0, 9)) });
  });

  it('waits for the timeout after another error', async () => {
    const { client, connection } = new Bench();
    const opened = outcomeOf(connection.open(60_000));
    await pass(0);
    client.lose(replyError('LOADING Redis is loading the dataset in memory'));
    await pass(59_999);
    expect(opened.value).toBeUndefined();
  });

  it('waits for the timeout after a refused login when the next one may have another password', async () => {
    const client = new FakeClient();
    Object.assign(client, { connector: { connect: () => undefined, disconnect: () => undefined } });
    installCredentials(client.redis, () => ({ password: 'next' }));
    const { connection } = new Bench({}, client);
    const opened = outcomeOf(connection.open(1_000));
    await pass(0);
    client.lose(replyError('WRONGPASS invalid password'));
    await pass(999);
    expect(opened.value).toBeUndefined();
    client.becomeReady();
    await pass(0);
    expect(opened.value).toBe('resolved');
  });

  it('rejects when an attempt ends before it had a socket', async () => {
    const { client, connection } = new Bench();
    const opened = outcomeOf(connection.open(60_000));
    await pass(0);
    client.emit('error', new Error('All sentinels are unreachable'));
    client.end();
    await pass(0);
    expect(opened.value).toMatchObject({
      message:
        'Redis is unreachable: All sentinels are unreachable (at 10.0.0.1:6379). Connection is closed.',
    });
  });

  it('rejects when the retryStrategy of the user ends the attempts', async () => {
    const client = new FakeClient({ host: '10.0.0.1', port: 6379, retryStrategy: () => null });
    const { connection, events } = new Bench({}, client);
    const opened = outcomeOf(connection.open(60_000));
    await pass(0);
    client.retries = client.options.retryStrategy?.(1) !== null;
    client.lose(REFUSED);
    await pass(0);
    expect(opened.value).toBeInstanceOf(ConnectionError);
    expect(connection.hasEnded).toBe(true);
    expect(events).toEqual([
      'ended: Redis is unreachable: connect ECONNREFUSED 10.0.0.1:6379. Connection is closed.',
    ]);
  });
});

describe('Connection, after its start', () => {
  it('reports each change once', async () => {
    const bench = new Bench();
    await bench.openReady();
    const { client, events } = bench;
    client.lose(new Error('read ECONNRESET'));
    client.startAttempt();
    client.lose(REFUSED);
    client.startAttempt();
    client.becomeReady();
    expect(events).toEqual(['ready', 'lost', 'ready']);
  });

  it('logs an outage once, with its cause, and its end', async () => {
    const bench = new Bench();
    await bench.openReady();
    const { client, log } = bench;
    client.lose();
    client.startAttempt();
    client.lose(REFUSED);
    await pass(1_500);
    client.startAttempt();
    client.becomeReady();
    expect(log.lines).toEqual([
      'warn: Lost the publisher connection to 10.0.0.1:6379; reconnecting',
      'warn: The publisher connection is back after 1500 ms, to 10.0.0.1:6379',
    ]);
  });

  it('says of a connection that closes before it is ready that it was closed', async () => {
    const { client, connection, log } = new Bench();
    const opened = outcomeOf(connection.open(0));
    await pass(0);
    client.becomeConnected();
    client.lose();
    await pass(0);
    expect(log.lines).toEqual([
      'warn: Cannot connect the publisher to 10.0.0.1:6379 (the connection was closed before it was ready); retrying',
    ]);
    expect(opened.value).toMatchObject({
      message: expect.stringContaining('the connection was closed before it was ready'),
    });
  });

  it('keeps the cause of a loss when ioredis then fails its own commands', async () => {
    const { client, connection } = new Bench();
    const opened = outcomeOf(connection.open(300));
    await pass(0);
    client.becomeConnected();
    client.lose(new Error('read ECONNRESET'));
    // ioredis 5 reports its ready check, which cannot be answered any more.
    client.emit('error', new Error('Reached the max retries per request limit (which is 0).'));
    await pass(300);
    expect(String(opened.value)).toContain(
      'Redis is unreachable: read ECONNRESET (at 10.0.0.1:6379)',
    );
  });

  it('logs an error of a connection that is up, and none of an attempt', async () => {
    const bench = new Bench();
    await bench.openReady();
    const { client, log } = bench;
    client.emit('error', new Error('MISCONF'));
    expect(log.lines).toEqual([
      expect.stringMatching(
        /^error: Error on the publisher connection to .*, which is still up: MISCONF$/,
      ),
    ]);
    client.lose();
    log.lines.length = 0;
    client.emit('error', REFUSED);
    expect(log.lines).toEqual([]);
  });

  it('does not call a connection up whose socket was reset', async () => {
    const bench = new Bench();
    await bench.openReady();
    const { client, log } = bench;
    const reset = Object.assign(new Error('read ECONNRESET'), { syscall: 'read' });
    client.emit('error', reset);
    client.lose();
    expect(log.lines).toEqual([
      expect.stringMatching(/^warn: Lost the publisher connection to .* \(read ECONNRESET\);/),
    ]);
  });

  it('keeps a second error of a stream from ending the process', async () => {
    const bench = new Bench();
    await bench.openReady();
    const { client } = bench;
    expect(() => client.stream.emit('error', new Error('TLS alert'))).toThrow('TLS alert');
    client.emit('error', new Error('first'));
    expect(() => client.stream.emit('error', new Error('TLS alert'))).not.toThrow();
  });

  it('keeps the listeners of a stream that has some', async () => {
    const bench = new Bench();
    await bench.openReady();
    const { client } = bench;
    client.stream.on('error', () => undefined);
    client.emit('error', new Error('first'));
    expect(client.stream.listenerCount('error')).toBe(1);
  });

  it('replaces a connection that does not answer a PING, and says why', async () => {
    const bench = new Bench();
    await bench.openReady();
    const { client, log, events } = bench;
    await pass(1_000);
    expect(client.commands).toEqual(['ping']);
    await pass(500);
    expect(events).toEqual(['ready', 'lost']);
    expect(log.lines).toEqual([
      'warn: Lost the publisher connection to 10.0.0.1:6379 (no answer to PING within 500 ms, sent every 1000 ms); reconnecting',
    ]);
  });

  it('replaces a new connection that sends nothing, and says why', async () => {
    const { client, connection, log } = new Bench();
    const opened = outcomeOf(connection.open(5_000));
    await pass(0);
    client.becomeConnected();
    await pass(500);
    expect(client.status).toBe('reconnecting');
    expect(log.lines).toEqual([
      'warn: Cannot connect the publisher to 10.0.0.1:6379 (connected, but no answer to the first command within 500 ms); retrying',
    ]);
    expect(opened.value).toBeUndefined();
  });

  it.each([
    [{ path: '/tmp/redis.sock' }, '/tmp/redis.sock'],
    [{ sentinels: [{}], name: 'main' }, 'the master "main" of the sentinels'],
  ])('names the server of the options %j', async (options, server) => {
    const { client, connection, log } = new Bench({}, new FakeClient(options));
    void connection.open(0).catch(() => undefined);
    await pass(0);
    client.lose(REFUSED);
    expect(log.lines[0]).toContain(`Cannot connect the publisher to ${server} (`);
  });
});

describe('Connection#restart', () => {
  it('destroys the socket, and names the reason', async () => {
    const bench = new Bench();
    await bench.openReady();
    const { client, connection, log } = bench;
    const { stream } = client;
    connection.restart('it is the wrong server');
    expect(stream.destroyed).toBe(true);
    expect(log.lines[0]).toContain('(it is the wrong server); reconnecting');
  });

  it("leaves the socket of a user's own client alone", async () => {
    const { client, connection } = new Bench({ isOwned: false });
    client.becomeReady();
    await connection.open(0);
    connection.restart('it is the wrong server');
    expect(client.stream.destroyed).toBe(false);
  });
});

describe('Connection#close', () => {
  it('does not report a connection that becomes ready while it is closed', async () => {
    const bench = new Bench();
    const opened = outcomeOf(bench.connection.open(1_000));
    await pass(0);
    bench.client.becomeConnected();
    bench.client.disconnect = () => undefined;
    const closed = bench.connection.close();
    bench.client.becomeReady();
    bench.client.retries = false;
    bench.client.lose();
    await closed;
    expect([bench.events, opened.value]).toEqual([[], new ClosedError()]);
  });

  it('reports that nothing can be sent before it sends QUIT', async () => {
    const bench = new Bench();
    await bench.openReady();
    bench.client.onCommand = ({ name, resolve }) => {
      bench.events.push(name);
      resolve('OK');
    };
    await bench.connection.close();
    expect(bench.events).toEqual(['ready', 'lost', 'quit']);
  });

  it('sends QUIT, disconnects, and reports the loss once', async () => {
    const bench = new Bench();
    await bench.openReady();
    const { client, connection, events, log } = bench;
    await connection.close();
    expect(client.commands).toEqual(['quit']);
    expect([client.disconnects, connection.isReady]).toEqual([1, false]);
    expect(events).toEqual(['ready', 'lost']);
    expect(log.lines).toEqual([]);
  });

  it('rejects an open that is in progress with a ClosedError', async () => {
    const { connection } = new Bench();
    const opened = outcomeOf(connection.open(60_000));
    await pass(0);
    await connection.close();
    await pass(0);
    expect(opened.value).toBeInstanceOf(ClosedError);
  });

  it('rejects an open that waits for it when a second close comes', async () => {
    const bench = new Bench();
    await bench.openReady();
    const { client, connection } = bench;
    client.onCommand = () => undefined;
    const closed = connection.close();
    const opened = outcomeOf(connection.open(60_000));
    await pass(0);
    const closedAgain = connection.close();
    client.sent.at(-1)?.resolve('OK');
    await Promise.all([closed, closedAgain]);
    await pass(0);
    expect(opened.value).toBeInstanceOf(ClosedError);
    expect([client.connects, client.commands]).toEqual([1, ['quit']]);
  });

  it('is followed by an open, which connects the client again', async () => {
    const bench = new Bench();
    await bench.openReady();
    const { client, connection, events } = bench;
    await connection.close();
    client.retries = true;
    const opened = outcomeOf(connection.open(1_000));
    await pass(0);
    expect([client.connects, opened.value]).toEqual([2, undefined]);
    client.becomeReady();
    await pass(0);
    expect(opened.value).toBe('resolved');
    expect(events).toEqual(['ready', 'lost', 'ready']);
  });

  it('lets an open in the same tick wait until the connection is gone', async () => {
    const bench = new Bench();
    await bench.openReady();
    const { client, connection } = bench;
    client.onCommand = () => undefined;
    const closed = connection.close();
    const opened = outcomeOf(connection.open(1_000));
    await pass(0);
    expect(client.connects).toBe(1);
    client.sent.at(-1)?.resolve('OK');
    await closed;
    await pass(0);
    expect(client.connects).toBe(2);
    client.becomeReady();
    await pass(0);
    expect(opened.value).toBe('resolved');
  });

  it('sends no PING and connects no client after it', async () => {
    const bench = new Bench();
    await bench.openReady();
    const { client, connection } = bench;
    await connection.close();
    await pass(60_000);
    expect([client.commands, client.connects]).toEqual([['quit'], 1]);
  });

  it("neither connects nor closes a user's own client, and no longer listens to it", async () => {
    const { client, connection, events } = new Bench({ isOwned: false });
    client.startAttempt();
    const opened = outcomeOf(connection.open(1_000));
    await pass(0);
    client.becomeReady();
    await pass(0);
    expect(opened.value).toBe('resolved');
    await connection.close();
    expect([client.connects, client.disconnects, client.commands]).toEqual([0, 0, []]);
    expect([client.eventNames(), client.status]).toEqual([[], 'ready']);
    expect(events).toEqual(['ready', 'lost']);
  });
});

const retryStrategy = (): number => 5;

describe("Connection, over a user's own client", () => {
  it('connects one that waits for its first command', async () => {
    const { client, connection } = new Bench({ isOwned: false });
    void connection.open(0).catch(() => undefined);
    await pass(0);
    expect(client.connects).toBe(1);
  });

  it('rejects for one that has ended', async () => {
    const client = new FakeClient();
    client.status = 'end';
    const { connection } = new Bench({ isOwned: false }, client);
    await expect(connection.open(60_000)).rejects.toThrow(
      'Redis is unreachable: the connection has ended (at 10.0.0.1:6379). Connection is closed.',
    );
    expect([client.connects, connection.hasEnded]).toEqual([0, true]);
  });

  it('sends no PING, and keeps the retryStrategy', async () => {
    const client = new FakeClient({ retryStrategy });
    client.becomeReady();
    const { connection } = new Bench({ isOwned: false }, client);
    await connection.open(0);
    await pass(10_000);
    expect(client.commands).toEqual([]);
    expect(client.options.retryStrategy).toBe(retryStrategy);
  });

  it('reports once that it has ended', async () => {
    const { client, connection, events } = new Bench({ isOwned: false });
    client.becomeReady();
    await connection.open(0);
    client.retries = false;
    client.lose();
    await pass(60_000);
    expect(events).toEqual([
      'ready',
      'lost',
      'ended: Redis is unreachable: the connection has ended (at 10.0.0.1:6379). Connection is closed.',
    ]);
    expect(client.connects).toBe(0);
  });
});

/** The waits before the next calls of `connect`, each of which ends without a socket. */
async function delays({ client }: Bench, count: number): Promise<number[]> {
  const found: number[] = [];
  for (let i = 0; i < count; i++) {
    const { connects } = client;
    client.end();
    let ms = 0;
    for (; client.connects === connects; ms++) await pass(1);
    found.push(ms);
  }
  return found;
}

describe('Connection, when the client ends by itself', () => {
  it('connects it again, each time later, and at most after 700 ms', async () => {
    const bench = new Bench();
    await bench.openReady();
    const found = await delays(bench, 6);
    for (const [i, least] of [50, 100, 200, 400, 500, 500].entries()) {
      expect(found[i]).toBeGreaterThanOrEqual(least);
      expect(found[i]).toBeLessThanOrEqual(least + 201);
    }
  });

  it('starts again with the shortest delay after it was ready', async () => {
    const bench = new Bench();
    await bench.openReady();
    await delays(bench, 5);
    bench.client.becomeReady();
    const [first] = await delays(bench, 1);
    expect(first).toBeLessThanOrEqual(251);
  });

  it('does not connect it again after a close', async () => {
    const bench = new Bench();
    await bench.openReady();
    bench.client.end();
    await bench.connection.close();
    await pass(10_000);
    expect(bench.client.connects).toBe(1);
  });
});

describe('Connection, with a watch over its server', () => {
  class FakeWatch {
    readonly watched: {
      client: Redis;
      onWrongServer: (reason: string) => void;
      stops: number;
    }[] = [];
    lastConfirmed = new Date(0);

    watch(client: Redis, onWrongServer: (reason: string) => void): WatchedConnection {
      const entry = { client, onWrongServer, stops: 0 };
      this.watched.push(entry);
      const lastConfirmed = (): Date => this.lastConfirmed;
      return {
        get lastConfirmed() {
          return lastConfirmed();
        },
        stop: async () => void entry.stops++,
      };
    }
  }

  it('restarts when the server is the wrong one', async () => {
    const serverWatch = new FakeWatch();
    const bench = new Bench({ serverWatch });
    await bench.openReady();
    serverWatch.watched[0]?.onWrongServer('it is another one');
    expect(bench.events).toEqual(['ready', 'lost']);
    expect(bench.log.lines[0]).toContain('(it is another one); reconnecting');
    expect(serverWatch.watched.map(({ stops }) => stops)).toEqual([1]);
  });

  it('is confirmed at the earlier of the times of its last PING and of the watch', async () => {
    const serverWatch = new FakeWatch();
    const bench = new Bench({ serverWatch });
    await bench.openReady();
    const ready = new Date();
    serverWatch.lastConfirmed = new Date(ready.getTime() - 5);
    expect(bench.connection.lastConfirmed).toEqual(serverWatch.lastConfirmed);
    serverWatch.lastConfirmed = new Date(ready.getTime() + 5);
    expect(bench.connection.lastConfirmed).toEqual(ready);
  });
});
