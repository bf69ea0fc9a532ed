import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { HandlerQueues } from '../../../src/prometheus/handler-queues.js';
import { eventually } from '../../support/eventually.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const declaration = { transport: 'shop', kind: 'channel', name: 'order' } as const;

describe('HandlerQueues', () => {
  it('adds up the queues of one pattern, at the time of the read', () => {
    const queues = new HandlerQueues();
    const first = { length: 1 };
    const second = { length: 2 };
    queues.add({ ...declaration, pattern: 'a', queue: first });
    queues.add({ ...declaration, pattern: 'a', queue: second });
    queues.add({ ...declaration, pattern: 'b', queue: { length: 0 } });
    queues.add({ ...declaration, pattern: 'c' });
    first.length = 5;
    expect(queues.read()).toEqual([
      { labels: { transport: 'shop', pattern: 'a' }, value: 7 },
      { labels: { transport: 'shop', pattern: 'b' }, value: 0 },
    ]);
    queues.clear();
    expect(queues.read()).toEqual([]);
  });

  it('keeps no queue alive', async () => {
    const queues = new HandlerQueues();
    let isCollected = false;
    const registry = new FinalizationRegistry<undefined>(() => (isCollected = true));
    const add = (): void => {
      const queue = { length: 3 };
      registry.register(queue, undefined);
      queues.add({ ...declaration, pattern: 'a', queue });
    };
    add();
    expect(queues.read()).toEqual([{ labels: { transport: 'shop', pattern: 'a' }, value: 3 }]);
    await eventually(() => {
      collectGarbage();
      return isCollected;
    });
    expect(queues.read()).toEqual([{ labels: { transport: 'shop', pattern: 'a' }, value: 0 }]);
  });
});
