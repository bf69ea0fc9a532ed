import { describe, expect, it } from 'vitest';
import type { Delivery } from '../../../../src/broker/broker.js';
import { receiveFrom } from '../../../../src/broker/subscribing/redis-delivery.js';
import { FakeClient } from '../fake-client.js';

/** A client, and what it received. */
function receive() {
  const client = new FakeClient();
  const deliveries: Delivery[] = [];
  const payloads: Buffer[] = [];
  receiveFrom(client.redis, (delivery) => {
    deliveries.push(delivery);
    payloads.push(delivery.payload.bytes());
  });
  return { client, deliveries, payloads };
}

describe('receiveFrom', () => {
  it.each([
    ['messageBuffer', [Buffer.from('é')], { kind: 'channel', subscription: 'é', channel: 'é' }],
    [
      'pmessageBuffer',
      ['news.*', Buffer.from('news.1')],
      { kind: 'pattern', subscription: 'news.*', channel: 'news.1' },
    ],
    ['smessageBuffer', [Buffer.from('a')], { kind: 'shard', subscription: 'a', channel: 'a' }],
  ])('turns %s into a delivery with its bytes', (event, names, expected) => {
    const { client, deliveries, payloads } = receive();
    const payload = Buffer.from([0xff, 0x00]);
    client.emit(event, ...names, payload);
    expect(deliveries).toEqual([expect.objectContaining(expected)]);
    expect(deliveries[0]?.decoded).toBeUndefined();
    expect(payloads).toEqual([payload]);
  });

  it('gives the bytes of a channel that is no text, during the delivery', () => {
    const client = new FakeClient();
    const names: string[] = [];
    receiveFrom(client.redis, (delivery) => {
      names.push(`${delivery.channel} ${delivery.channelBytes?.().toString('hex')}`);
    });
    client.emit('messageBuffer', Buffer.of(0x61, 0xff), Buffer.from('x'));
    expect(names).toEqual(['a\uFFFD 61ff']);
  });

  it('releases the payload after the delivery', () => {
    const { client, deliveries } = receive();
    client.emit('messageBuffer', Buffer.from('a'), Buffer.from('x'));
    expect(() => deliveries[0]?.payload.text()).toThrow('after its delivery');
  });

  const name = Buffer.from('a');
  it.each<[string, ...unknown[]]>([
    ['messageBuffer', null, name],
    ['messageBuffer', name, null],
    ['messageBuffer', name, [name]],
    ['messageBuffer', name],
    ['messageBuffer', 5, 'text'],
    ['pmessageBuffer', 'a*', null, name],
    ['pmessageBuffer', 'a*', name, null],
    ['smessageBuffer', null, name],
    ['smessageBuffer', name, undefined],
  ])('drops %s with %o and %o', (event, ...parts) => {
    const { client, deliveries } = receive();
    client.emit(event, ...parts);
    expect(deliveries).toEqual([]);
  });
});
