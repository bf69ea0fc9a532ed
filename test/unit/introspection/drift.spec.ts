import { describe, expect, it } from 'vitest';
import { findDrift as compare } from '../../../src/introspection/drift.js';
import type { HandlerInfo, InstanceInfo } from '../../../src/introspection/instance-types.js';
import { readInfo } from '../../../src/introspection/read-answer.js';

const instance = (id: string, given: object): InstanceInfo =>
  readInfo({ id, name: 'orders', version: '1.0.0', codec: 'envelope', ...given })!;

const findDrift = (instances: readonly InstanceInfo[]) => compare(instances).drift;

const handler = (pattern: string, given: Partial<HandlerInfo> = {}): object => ({
  pattern,
  kind: 'event',
  subscription: 'channel',
  name: pattern,
  ...given,
});

describe('findDrift', () => {
  it('finds none where there is one instance, or none', () => {
    expect(findDrift([])).toEqual([]);
    expect(findDrift([instance('a', {})])).toEqual([]);
  });

  it('does not compare instances of different names', () => {
    expect(findDrift([instance('a', {}), instance('b', { name: 'users', version: '2' })])).toEqual(
      [],
    );
  });

  it('does not compare instances that have the default name, and says so', () => {
    const unnamed = [
      instance('a', { name: 'redis-pubsub' }),
      instance('b', { name: 'redis-pubsub', version: '2.0.0' }),
    ];
    expect(compare(unnamed)).toEqual({ drift: [], notCompared: ['a', 'b'] });
    expect(compare(unnamed.slice(1))).toEqual({ drift: [], notCompared: [] });
    const named = [instance('c', {}), instance('d', { codec: 'json' })];
    const { drift, notCompared } = compare([...unnamed, ...named]);
    expect(drift.map(({ name, subject }) => [name, subject])).toEqual([['orders', 'codec']]);
    expect(notCompared).toEqual(['a', 'b']);
  });

  it('does not mind the order of the handlers', () => {
    const handlers = [handler('a'), handler('b')];
    const drift = findDrift([
      instance('a', { handlers }),
      instance('b', { handlers: handlers.toReversed() }),
    ]);
    expect(drift).toEqual([]);
  });

  it.each([
    ['version', { version: '2.0.0' }, '2.0.0', '1.0.0'],
    ['codec', { codec: 'json' }, 'json', 'envelope'],
    ['contracts', { contracts: 'abc' }, 'abc', 'none'],
    ['sharded', { access: { sharded: true } }, 'true', 'false'],
    ['handlers', { handlers: [handler('x', { method: 'X.on' })] }, 'event x (X.on)', ''],
  ])('finds another %s, the most frequent value first', (subject, given, value, common) => {
    const instances = [instance('odd', given), instance('a', {}), instance('b', {})];
    expect(findDrift(instances)).toEqual([
      {
        name: 'orders',
        subject,
        variants: [
          { value: common, instances: ['a', 'b'] },
          { value, instances: ['odd'] },
        ],
      },
    ]);
  });

  it('tells the handlers alone that one of the instances lacks', () => {
    const [drift] = findDrift([
      instance('a', { handlers: [handler('both'), handler('old')] }),
      instance('b', { handlers: [handler('both'), handler('new', { subscription: 'shard' })] }),
    ]);
    expect(drift?.variants.map(({ value }) => value)).toEqual(['event old', 'event new sharded']);
  });
});
