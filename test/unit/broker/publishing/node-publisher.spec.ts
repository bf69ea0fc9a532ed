import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  NodePublisher,
  type NodePublisherOptions,
} from '../../../../src/broker/publishing/node-publisher.js';
import { ClosedError, CommandRefusedError, ConnectionError } from '../../../../src/errors.js';
import {
  FakeClient,
  FakeLog,
  outcomeOf,
  pass,
  replyError,
  useFakeClock,
  useRealClock,
} from '../fake-client.js';

const BUFFER = { maxMessages: 2, maxAge: 500 };

class Bench {
  readonly client: FakeClient;
  readonly publisher: NodePublisher;
  changes = 0;

  constructor(options: Partial<NodePublisherOptions> = {}, client = new FakeClient()) {
    this.client = client;
    client.onCommand = ({ name, resolve }) => resolve(name === 'eval' ? [] : 1);
    this.publisher = new NodePublisher(
      client.redis,
      {
        transport: 'test',
        isOwned: true,
        pingInterval: 1_000_000,
        pingTimeout: 1_000_000,
        publishBuffer: false,
        batchPublishes: false,
        log: new FakeLog(),
        ...options,
      },
      () => this.changes++,
    );
  }

  async open(): Promise<void> {
    const opened = this.publisher.open(1_000);
    await pass(0);
    this.client.becomeReady();
    await opened;
    this.client.sent.length = 0;
  }

  publish(payload: string): { readonly value: unknown } {
    return outcomeOf(this.publisher.publish('a', payload, 'channel'));
  }

  get payloads(): unknown[] {
    return this.client.sent.filter(({ name }) => name === 'publish').map(({ args }) => args[1]);
  }
}

beforeEach(useFakeClock);
afterEach(useRealClock);

describe('NodePublisher#publish', () => {
  it('sends over a connection that is ready', async () => {
    const bench = new Bench();
    await bench.open();
    const outcome = bench.publish('1');
    await pass(0);
    expect([bench.payloads, outcome.value, bench.publisher.canPublish()]).toEqual([
      ['1'],
      'resolved',
      true,
    ]);
  });

  it.each([
    ['before it is opened', () => undefined],
    [
      'after the connection is lost',
      async (bench: Bench) => {
        await bench.open();
        bench.client.lose();
      },
    ],
    [
      'when the stream has ended, before its events',
      async (bench: Bench) => {
        await bench.open();
        bench.client.stream.writable = false;
      },
    ],
  ])('rejects without a buffer %s', async (_, prepare) => {
    const bench = new Bench();
    await prepare(bench);
    await expect(bench.publisher.publish('a', '', 'channel')).rejects.toThrow(
      new ConnectionError('Cannot publish to "a": not connected to Redis'),
    );
    expect([bench.payloads, bench.publisher.canPublish()]).toEqual([[], false]);
  });

  it('holds messages in the buffer, and sends them before later ones', async () => {
    const bench = new Bench({ publishBuffer: BUFFER });
    await bench.open();
    bench.client.lose();
    bench.publish('1');
    const held = bench.publish('2');
    const tooMany = bench.publish('3');
    await pass(0);
    expect([held.value, tooMany.value]).toEqual([undefined, expect.any(ConnectionError)]);
    bench.client.becomeReady();
    bench.publish('4');
    await pass(0);
    expect([bench.payloads, held.value]).toEqual([['1', '2', '4'], 'resolved']);
  });

  it('holds messages from its open on, before the first connection', async () => {
    const bench = new Bench({ publishBuffer: BUFFER });
    await expect(bench.publisher.publish('a', '', 'channel')).rejects.toThrow('not connected');
    void bench.publisher.open(1_000).catch(() => undefined);
    const outcome = bench.publish('1');
    await pass(499);
    expect(outcome.value).toBeUndefined();
    await pass(1);
    expect(outcome.value).toBeInstanceOf(ConnectionError);
  });

  it('rejects waiting messages when it is closed, and holds no further ones', async () => {
    const bench = new Bench({ publishBuffer: BUFFER });
    await bench.open();
    bench.client.lose();
    const held = bench.publish('1');
    await bench.publisher.close();
    await pass(0);
    expect(held.value).toBeInstanceOf(ClosedError);
    await expect(bench.publisher.publish('a', '', 'channel')).rejects.toThrow('not connected');
  });

  it('rejects waiting messages when the connection ends', async () => {
    const client = new FakeClient({ retryStrategy: () => null });
    const bench = new Bench({ publishBuffer: BUFFER }, client);
    await bench.open();
    client.stream.writable = false;
    const held = bench.publish('1');
    client.retries = client.options.retryStrategy?.(1) !== null;
    client.lose();
    await pass(0);
    expect([held.value, bench.publisher.hasEnded]).toEqual([expect.any(ConnectionError), true]);
    await expect(bench.publisher.publish('a', '', 'channel')).rejects.toThrow('not connected');
  });

  it('sends the messages of this tick before it closes', async () => {
    const bench = new Bench();
    await bench.open();
    for (const payload of ['1', '2', '3']) bench.publish(payload);
    await bench.publisher.close();
    expect(bench.client.sent.map(({ name }) => name)).toEqual([
      'publish',
      'publish',
      'publish',
      'quit',
    ]);
  });

  it.each([
    ['channel', ['eval']],
    ['shard', Array(32).fill('spublish')],
  ] as const)('with batchPublishes sends 32 messages of the kind "%s"', async (kind, expected) => {
    const bench = new Bench({ batchPublishes: true });
    await bench.open();
    await pass(0);
    bench.client.sent.length = 0;
    for (let i = 0; i < 32; i++) void bench.publisher.publish('a', '', kind);
    await pass(0);
    expect(bench.client.sent.map(({ name }) => name)).toEqual(expected);
  });
});

const answer = async (value: unknown): Promise<Bench> => {
  const bench = new Bench();
  await bench.open();
  bench.client.onCommand = ({ resolve }) => resolve(value);
  return bench;
};

describe('NodePublisher, its queries', () => {
  it.each([
    ['channel', 'PUBSUB CHANNELS a*'],
    ['shard', 'PUBSUB SHARDCHANNELS a*'],
  ] as const)('of the kind "%s" send %s', async (kind, command) => {
    const bench = await answer(['a', 'ab']);
    expect(await bench.publisher.channels('a*', kind)).toEqual(['a', 'ab']);
    expect(bench.client.commands).toEqual([command]);
  });

  it.each([
    ['channel', 'PUBSUB NUMSUB a b'],
    ['shard', 'PUBSUB SHARDNUMSUB a b'],
  ] as const)('count with the kind "%s" by %s', async (kind, command) => {
    const bench = await answer(['a', '3', 'b', 0]);
    expect(await bench.publisher.subscriberCounts(['a', 'b'], kind)).toEqual(
      new Map([
        ['a', 3],
        ['b', 0],
      ]),
    );
    expect(bench.client.commands).toEqual([command]);
  });

  it('count many channels with several commands', async () => {
    const bench = await answer([]);
    bench.client.onCommand = ({ args, resolve }) =>
      resolve(args.slice(1).flatMap((name) => [name, Number(name)]));
    const names = Array.from({ length: 200_000 }, (_, i) => String(i));
    const counts = await bench.publisher.subscriberCounts(names, 'channel');
    expect([...counts]).toEqual(names.map((name) => [name, Number(name)]));
    expect(Math.max(...bench.client.sent.map(({ args }) => args.length))).toBe(2_049);
  });

  it('count no channels without a query', async () => {
    const bench = await answer([]);
    expect(await bench.publisher.subscriberCounts([], 'channel')).toEqual(new Map());
    expect(bench.client.commands).toEqual([]);
  });

  it('count the patterns', async () => {
    const bench = await answer('7');
    expect(await bench.publisher.patternCount()).toBe(7);
    expect(bench.client.commands).toEqual(['PUBSUB NUMPAT']);
  });

  it('reject while the connection is lost', async () => {
    await expect(new Bench().publisher.patternCount()).rejects.toThrow(
      new ConnectionError('Cannot query PUBSUB NUMPAT: not connected to Redis'),
    );
  });

  it.each([
    [replyError('NOPERM'), CommandRefusedError, 'Redis refused the query "PUBSUB NUMPAT": NOPERM'],
    [
      new Error('Connection is closed.'),
      ConnectionError,
      'The connection was lost before PUBSUB NUMPAT was answered',
    ],
  ])('reject for %s', async (error, type, message) => {
    const bench = await answer(undefined);
    bench.client.onCommand = ({ reject }) => reject(error);
    const query = bench.publisher.patternCount();
    await expect(query).rejects.toBeInstanceOf(type);
    await expect(query).rejects.toMatchObject({ message, cause: error });
  });
});

describe('NodePublisher#callMasters', () => {
  const address = '10.0.0.1:6379';

  it('resolves to the answer of the server', async () => {
    const bench = await answer('PONG');
    expect(await bench.publisher.callMasters('INFO', 'server')).toEqual([
      { address, answer: 'PONG' },
    ]);
    expect(bench.client.commands).toEqual(['INFO server']);
  });

  it('resolves to the error of the server, or of the connection', async () => {
    const error = replyError('NOPERM');
    const bench = await answer(undefined);
    bench.client.onCommand = ({ reject }) => reject(error);
    expect(await bench.publisher.callMasters('INFO')).toEqual([{ address, error }]);
    expect(await new Bench().publisher.callMasters('INFO')).toEqual([
      { address, error: new ConnectionError('Cannot call INFO: not connected to Redis') },
    ]);
  });
});

describe('NodePublisher', () => {
  it('reports when it is ready and when it is lost', async () => {
    const bench = new Bench();
    await bench.open();
    expect([bench.changes, bench.publisher.isReady]).toEqual([1, true]);
    bench.client.lose();
    expect([bench.changes, bench.publisher.isReady]).toEqual([2, false]);
  });

  it('replaces its connection at a restart', async () => {
    const bench = new Bench();
    await bench.open();
    bench.publisher.restart('it is silent');
    expect(bench.client.status).toBe('reconnecting');
  });

  it('has one client, and counts receivers', () => {
    const { publisher, client } = new Bench();
    const clients: unknown[] = [];
    publisher.onClient((it) => clients.push(it));
    expect([publisher.clients, clients, publisher.countsReceivers()]).toEqual([
      [client],
      [client],
      true,
    ]);
  });
});

describe('NodePublisher, while Redis is connected and silent,', () => {
  const tooMany = /^Cannot publish to "a": Redis has not confirmed 40 messages of 80 bytes yet$/;

  it.each([
    ['single messages', false],
    ['scripts', true],
  ])('sends %s up to its limit, and fails further ones at once', async (_, batchPublishes) => {
    const publishLimit = { maxMessages: 40, maxBytes: 1_000 };
    const bench = new Bench({ publishLimit, batchPublishes });
    await bench.open();
    bench.client.onCommand = () => undefined;
    const sent = Array.from({ length: 40 }, () => bench.publish('xx'));
    const further = bench.publish('xx');
    await pass(0);
    expect(sent.every(({ value }) => value === undefined)).toBe(true);
    expect(further.value).toBeInstanceOf(ConnectionError);
    expect((further.value as Error).message).toMatch(tooMany);
    for (const { name, resolve } of bench.client.sent) {
      resolve(name === 'eval' ? Array<number>(40).fill(1) : 1);
    }
    await pass(0);
    expect(sent.every(({ value }) => value === 'resolved')).toBe(true);
    const next = bench.publish('xx');
    await pass(0);
    expect(next.value).toBeUndefined();
  });

  it('counts the messages no more that were lost with the connection', async () => {
    const bench = new Bench({ publishLimit: { maxMessages: 1, maxBytes: 1_000 } });
    await bench.open();
    bench.client.onCommand = () => undefined;
    const lost = bench.publish('xx');
    bench.client.sent[0]?.reject(new Error('Connection is closed.'));
    await pass(0);
    expect(lost.value).toBeInstanceOf(ConnectionError);
    const next = bench.publish('xx');
    await pass(0);
    expect(next.value).toBeUndefined();
  });
});
