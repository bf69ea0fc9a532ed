import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { LossCounter, REPEATED } from '../../../src/transport/loss-counter.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const source = () => ({ period: 0, gaps: 0, isSubscribed: true });
/** The number of lost messages before a message. */
const countOf = (counter: LossCounter, from: ReturnType<typeof source>, id: string): number => {
  const lost = counter.count(from, id);
  return lost && lost !== REPEATED ? lost.count : 0;
};
const countsOf = (counter: LossCounter, from: ReturnType<typeof source>, ids: readonly string[]) =>
  ids.map((id) => countOf(counter, from, id));

describe('LossCounter', () => {
  it('counts a jump by k as k - 1 messages', () => {
    expect(countsOf(new LossCounter(), source(), ['p.1-7', 'p.1-8', 'p.1-10', 'p.1-20'])).toEqual([
      0, 0, 1, 9,
    ]);
  });

  it('counts neither a repeat nor a smaller number', () => {
    const ids = ['p.1-5', 'p.1-5', 'p.1-3', 'p.1-6', 'p.1-8'];
    expect(countsOf(new LossCounter(), source(), ids)).toEqual([0, 0, 0, 0, 1]);
    const [counter, it] = [new LossCounter(), source()];
    expect(ids.slice(0, 4).map((id) => counter.count(it, id))).toEqual([
      undefined,
      REPEATED,
      REPEATED,
      undefined,
    ]);
  });

  it('counts each stream, and each subscription, for itself', () => {
    const counter = new LossCounter();
    const [literal, pattern] = [source(), source()];
    expect(countsOf(counter, literal, ['p.1-1', 'q.1-4', 'p.1-2', 'q.1-6'])).toEqual([0, 0, 0, 1]);
    expect(countsOf(counter, pattern, ['p.1-2', 'q.1-6', 'p.1-5'])).toEqual([0, 0, 2]);
    expect(countsOf(counter, literal, ['p.1-5'])).toEqual([2]);
  });

  it.each(['12345', '-5', '--', 'p', 'p.1-', 'p.1-x', 'p.1-1234567890123456', 'p\n1-5', 'é.1-5'])(
    'counts nothing for an id such as %j',
    (id) => {
      const counter = new LossCounter();
      expect(countsOf(counter, source(), ['p.1-5', id, id, 'p.1-7'])).toEqual([0, 0, 0, 1]);
      const before = counter.time;
      counter.count(source(), id);
      expect(counter.time).toBe(before);
    },
  );

  it('tells streams apart where one begins as another', () => {
    const ids = ['a-1', 'a-b-5', 'a-2', 'a-b-7', 'a--1', 'a-4', 'a--3'];
    expect(countsOf(new LossCounter(), source(), ids)).toEqual([0, 0, 0, 1, 0, 1, 1]);
  });

  it('counts nothing while a subscription had no listeners', () => {
    const counter = new LossCounter();
    const it = source();
    counter.count(it, 'p.1-1');
    it.period++;
    expect(countsOf(counter, it, ['p.1-5', 'p.1-7'])).toEqual([0, 1]);
  });

  it('says which publisher, and whether there was a gap', () => {
    const counter = new LossCounter();
    const it = source();
    counter.count(it, 'abc.1z-1');
    expect(counter.count(it, 'abc.1z-3')).toMatchObject({ publisher: 'abc', duringGap: false });
    it.gaps++;
    expect(counter.count(it, 'abc.1z-5')).toMatchObject({ count: 1, duringGap: true });
    expect(counter.count(it, 'abc.1z-7')).toMatchObject({ count: 1, duringGap: false });
  });

  it.each(['p', 'p-', '-1', 'p-0', 'p-x', 'p-1x', 'p-1.5', `p-${'1'.repeat(16)}`, 'p--1-'])(
    'reads no number in "%s"',
    (id) => {
      const counter = new LossCounter();
      expect(countsOf(counter, source(), [id, 'p-1', 'p-2'])).toEqual([0, 0, 0]);
      expect(counter.time).toBe(2);
    },
  );

  it('takes the ids of publishers that call their streams as they like', () => {
    const counter = new LossCounter();
    const it = source();
    counter.count(it, 'sensor-7-1');
    expect(counter.count(it, 'sensor-7-3')).toMatchObject({ publisher: 'sensor-7', count: 1 });
  });

  it('keeps nothing of subscriptions that have ended, while another one goes on', async () => {
    const counter = new LossCounter();
    const lasting = source();
    counter.count(lasting, 'p.1-1');
    const ended = Array.from({ length: 50 }, () => {
      const it = source();
      counter.count(it, 'p.1-1');
      it.period++;
      return new WeakRef(it);
    });
    counter.count(source(), 'p.1-1');
    // A `WeakRef` holds its object until the end of the turn.
    await new Promise(setImmediate);
    collectGarbage();
    expect(ended.filter((it) => it.deref() !== undefined)).toEqual([]);
    expect(countOf(counter, lasting, 'p.1-3')).toBe(1);
  });
});
