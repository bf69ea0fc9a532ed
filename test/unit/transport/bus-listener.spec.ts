import { describe, expect, it } from 'vitest';
import { InvalidChannelError, InvalidOptionError } from 'nestjs-redis-pubsub';
import type { Delivery, SubscriptionWaiter } from '../../../src/broker/broker.js';
import { ChannelPattern } from '../../../src/channel/channel-pattern.js';
import type { IncomingMessage } from '../../../src/codec/codec.js';
import { BusListener } from '../../../src/transport/bus-listener.js';
import type { MessageBus } from '../../../src/transport/message-bus.js';
import { ReservedChannels } from '../../../src/transport/reserved-channels.js';
import { payloadOf } from '../../support/payload.js';

class OwnListener extends BusListener {
  readonly messages: unknown[] = [];

  constructor(
    readonly bus: MessageBus,
    pattern: string,
    sharded = false,
  ) {
    const parsed = ChannelPattern.parse(pattern);
    super(parsed, parsed.subscriptionKey(bus.options.prefix, sharded));
  }

  protected override onMessage({ data }: IncomingMessage, channel: string): void {
    this.messages.push([data, channel]);
  }
}

/** A bus whose messages are the texts of the payloads; an empty one is for no listener. */
function createBus(prefix = '') {
  const calls: string[] = [];
  const reads: string[] = [];
  let waiter: SubscriptionWaiter | undefined;
  const bus = {
    options: { prefix },
    reserved: new ReservedChannels('_pubsub'),
    broker: {
      subscribe: (key: object, _: unknown, it?: SubscriptionWaiter) => {
        calls.push(`subscribe ${Object.values(key).join(' ')}`);
        waiter = it;
      },
      unsubscribe: (key: object, _: unknown, isDelayed: boolean) =>
        calls.push(`unsubscribe ${Object.values(key).join(' ')} ${isDelayed}`),
    },
    reader: {
      read: ({ payload }: Delivery, channel: string) => {
        reads.push(channel);
        return payload.length === 0 ? null : { data: payload.text() };
      },
    },
  } as unknown as MessageBus;
  return { bus, calls, reads, waiter: () => waiter };
}

const delivery = (channel: string, kind: Delivery['kind'] = 'channel', text = 'x'): Delivery => ({
  kind,
  channel,
  subscription: channel,
  payload: payloadOf(text),
});

describe('BusListener', () => {
  it.each([
    ['news', false, 'channel shop:news'],
    ['news.*', false, 'pattern shop:news.*'],
    ['news', true, 'shard shop:news'],
  ])('of "%s" with sharded %j subscribes to %s', (pattern, sharded, expected) => {
    const { bus, calls } = createBus('shop:');
    const listener = new OwnListener(bus, pattern, sharded);
    listener.listen();
    expect(calls).toEqual([`subscribe ${expected}`]);
  });

  it('cannot be sharded for a glob', () => {
    expect(() => new OwnListener(createBus().bus, 'news.*', true)).toThrow(InvalidOptionError);
  });

  it('throws for a reserved channel, and does not subscribe', async () => {
    const { bus, calls } = createBus();
    const listener = new OwnListener(bus, '_pubsub.cancel');
    expect(() => listener.listen()).toThrow(InvalidChannelError);
    await expect(listener.whenListening()).rejects.toBeInstanceOf(InvalidChannelError);
    expect(calls).toEqual([]);
  });

  it('settles with the acknowledgement', async () => {
    const { bus, waiter } = createBus();
    const first = new OwnListener(bus, 'news').whenListening();
    waiter()?.onSubscribed();
    await expect(first).resolves.toBeUndefined();
    const second = new OwnListener(bus, 'news').whenListening();
    waiter()?.onFailed(new Error('refused'));
    await expect(second).rejects.toThrow('refused');
  });

  it.each([true, false])('unsubscribes, with isDelayed %j', (isDelayed) => {
    const { bus, calls } = createBus();
    const listener = new OwnListener(bus, 'news');
    listener.listen();
    listener.close(isDelayed);
    expect(calls).toEqual(['subscribe channel news', `unsubscribe channel news ${isDelayed}`]);
  });

  it('receives messages with the channel without the prefix', () => {
    const { bus } = createBus('shop:');
    const listener = new OwnListener(bus, 'news');
    listener.onDelivery(delivery('shop:news'));
    expect(listener.messages).toEqual([['x', 'news']]);
  });

  it('receives nothing that is for no listener', () => {
    const listener = new OwnListener(createBus().bus, 'news');
    listener.onDelivery(delivery('news', 'channel', ''));
    expect(listener.messages).toEqual([]);
  });

  it('does not read the messages of reserved channels that its glob matches', () => {
    const { bus, reads } = createBus();
    const listener = new OwnListener(bus, '*');
    listener.onDelivery(delivery('_pubsub.inbox.1', 'pattern'));
    listener.onDelivery(delivery('news', 'pattern'));
    expect([reads, listener.messages]).toEqual([['news'], [['x', 'news']]]);
  });
});
