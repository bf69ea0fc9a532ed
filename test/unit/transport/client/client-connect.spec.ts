import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ClosedError, ConnectionError } from '../../../../src/errors.js';
import type { MessageBus } from '../../../../src/transport/message-bus.js';
import { ClientConnect } from '../../../../src/transport/client/client-connect.js';
import { outcomeOf, pass, useFakeClock, useRealClock } from '../../broker/fake-client.js';

/** A bus whose connection a test settles. */
function bench({ ownsBus = true, status = 'disconnected', maxEarly = 100 } = {}) {
  const fake = {
    broker: {
      status,
      timeouts: [] as number[],
      connect: (timeoutMs: number): Promise<void> => {
        fake.broker.timeouts.push(timeoutMs);
        return new Promise((resolve, reject) => Object.assign(fake, { resolve, reject }));
      },
    },
    early: undefined as Promise<void> | undefined,
    closes: 0,
    startEarly: () => fake.early,
    close: async () => void fake.closes++,
    resolve: (): void => undefined,
    reject: undefined as unknown as (error: unknown) => void,
  };
  const sent: string[] = [];
  const send = (text: string) => (): Promise<number> => {
    sent.push(text);
    return Promise.resolve(1);
  };
  const connect = new ClientConnect(fake as unknown as MessageBus, ownsBus, maxEarly);
  return { fake, sent, send, connect };
}

const EVENT = { pattern: 'a', data: 1 };

beforeEach(useFakeClock);
afterEach(useRealClock);

describe('ClientConnect', () => {
  it.each([
    [true, 'disconnected', false],
    [true, 'connecting', false],
    [true, 'connected', true],
    [true, 'reconnecting', true],
    [true, 'starving', true],
    [false, 'disconnected', false],
    [false, 'connecting', true],
    [false, 'connected', true],
  ])('with own connections %j at "%s" has connected: %j', (ownsBus, status, expected) => {
    expect(bench({ ownsBus, status }).connect.hasConnected).toBe(expected);
  });

  it('lets no more events wait for the first connection than it may', async () => {
    const { connect, fake, send, sent } = bench({ maxEarly: 1 });
    const [first, second] = [1, 2].map((i) => outcomeOf(connect.emit(EVENT, send(`${i}`))));
    await pass(0);
    expect(first?.value).toBeUndefined();
    expect(second?.value).toEqual(
      new ConnectionError(
        'Cannot publish: 1 events wait for the first connection to Redis already',
      ),
    );
    fake.resolve();
    await pass(0);
    expect([first?.value, sent]).toEqual(['resolved', ['1']]);
  });

  it('makes one attempt for all calls, and another one after it', async () => {
    const { fake, connect } = bench();
    const first = connect.connect();
    expect(connect.connect()).toBe(first);
    expect(fake.broker.timeouts).toEqual([0]);
    fake.resolve();
    await first;
    void connect.connect();
    expect(fake.broker.timeouts).toEqual([0, 0]);
  });

  it('sends an event at once when it has connected', () => {
    const { connect, sent, send } = bench({ status: 'connected' });
    void connect.emit(EVENT, send('1'));
    expect(sent).toEqual(['1']);
  });

  it('sends events in their order after the first attempt, and later ones after them', async () => {
    const { fake, connect, sent, send } = bench();
    void connect.emit(EVENT, send('1'));
    fake.broker.status = 'connected';
    void connect.emit(EVENT, send('2'));
    expect(sent).toEqual([]);
    fake.resolve();
    await pass(0);
    void connect.emit(EVENT, send('3'));
    expect(sent).toEqual(['1', '2', '3']);
  });

  it('fails an event with the first attempt', async () => {
    const { fake, connect, sent, send } = bench();
    const outcome = outcomeOf(connect.emit(EVENT, send('1')));
    fake.reject(new Error('down'));
    await pass(0);
    expect([outcome.value, sent]).toEqual([new Error('down'), []]);
  });

  it('waits on shared connections for their start', async () => {
    const { fake, connect, sent, send } = bench({ ownsBus: false, status: 'connecting' });
    let started!: () => void;
    fake.early = new Promise((resolve) => {
      started = resolve;
    });
    void connect.emit(EVENT, send('1'));
    await pass(0);
    expect([sent, fake.broker.timeouts]).toEqual([[], []]);
    started();
    await pass(0);
    expect(sent).toEqual(['1']);
  });

  it('closes its connections after the events that wait', async () => {
    const { fake, connect, sent, send } = bench();
    void connect.emit(EVENT, send('1'));
    const closed = outcomeOf(connect.close());
    await pass(999);
    expect([closed.value, fake.closes]).toEqual([undefined, 0]);
    fake.resolve();
    await pass(0);
    expect([closed.value, fake.closes, sent]).toEqual(['resolved', 1, ['1']]);
  });

  it('closes them after a second at most', async () => {
    const { fake, connect, send } = bench();
    void connect.emit(EVENT, send('1'));
    void connect.close();
    await pass(1_000);
    expect(fake.closes).toBe(1);
  });

  it('leaves shared connections open, and does not connect them again', async () => {
    const { fake, connect, sent, send } = bench({ ownsBus: false, status: 'connected' });
    await connect.close();
    await expect(connect.connect()).rejects.toBeInstanceOf(ClosedError);
    await expect(connect.emit(EVENT, send('1'))).rejects.toBeInstanceOf(ClosedError);
    expect([fake.closes, fake.broker.timeouts, sent, connect.hasConnected]).toEqual([
      0,
      [],
      [],
      false,
    ]);
  });
});
