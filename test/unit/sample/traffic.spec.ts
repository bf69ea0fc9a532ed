import { describe, expect, it } from 'vitest';
import { addTraffic, TRAFFIC_SIZE } from '../../../sample/notifications/gateway/page/traffic.js';
import type { PassedMessage } from '../../../sample/notifications/gateway/page/types.js';

const message: PassedMessage = { kind: 'received', instance: 'gateway-1', channel: 'x' };

describe('the messages that the page shows', () => {
  it('are in the order of their arrival, with a number each', () => {
    const traffic = addTraffic(addTraffic([], [message, { ...message, channel: 'y' }]), [message]);
    expect(traffic.map(({ number, channel }) => `${number} ${channel}`)).toEqual([
      '1 x',
      '2 y',
      '3 x',
    ]);
  });

  it('are the latest ones', () => {
    const many = Array.from({ length: TRAFFIC_SIZE + 5 }, () => message);
    const traffic = addTraffic(addTraffic([], [message]), many);
    expect(traffic).toHaveLength(TRAFFIC_SIZE);
    expect(traffic.at(-1)?.number).toBe(TRAFFIC_SIZE + 6);
  });
});
