import { describe, expect, it } from 'vitest';
import type { Delivery } from '../../../../src/broker/broker.js';
import { receiveFrom } from '../../../../src/broker/subscribing/redis-delivery.js';
import { FakeClient } from '../fake-client.js';

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
    const client = new FakeClient();
    const received: Delivery[] = [];
    receiveFrom(client.redis, (delivery) => received.push(delivery));
    const payload = Buffer.from([0xff, 0x00]);
    client.emit(event, ...names, payload);
    expect(received).toEqual([expect.objectContaining({ ...expected, payload })]);
    expect(received[0]?.payload).toBe(payload);
    expect(received[0]?.decoded).toBeUndefined();
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
    const client = new FakeClient();
    const received: Delivery[] = [];
    receiveFrom(client.redis, (delivery) => received.push(delivery));
    client.emit(event, ...parts);
    expect(received).toEqual([]);
  });
});
