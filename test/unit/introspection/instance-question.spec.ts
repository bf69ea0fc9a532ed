import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { InstanceQuestion } from '../../../src/introspection/instance-question.js';
import { KnownInstances } from '../../../src/introspection/known-instances.js';
import { readPing } from '../../../src/introspection/read-answer.js';

const ping = (id: string, name = 'a') => ({ id, name, version: '1' });

const ask = () => new InstanceQuestion(500, readPing, (onRead) => onRead());

describe('InstanceQuestion', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('ends as soon as all that received it have answered, each counted once', async () => {
    const question = ask();
    question.onAsked();
    question.add(ping('1'));
    question.add(ping('1'));
    question.add({ id: 2 });
    question.expect(2);
    question.add(ping('2'));
    expect(await question.answers).toEqual({ instances: [ping('1'), ping('2')], silent: 0 });
    expect(vi.getTimerCount()).toBe(0);
  });

  it('ends with its time, and says how many are silent', async () => {
    const question = ask();
    question.onAsked();
    question.expect(3);
    question.add(ping('1'));
    vi.advanceTimersByTime(500);
    expect(await question.answers).toEqual({ instances: [ping('1')], silent: 2 });
  });

  it('does not say how many are silent where that is not known', async () => {
    const question = ask();
    question.onAsked();
    vi.advanceTimersByTime(500);
    expect(await question.answers).toEqual({ instances: [], silent: undefined });
  });

  it('rejects if Redis has not taken it by the end of its time', async () => {
    const question = ask();
    vi.advanceTimersByTime(500);
    await expect(question.answers).rejects.toThrow('Redis did not take the question within 500 ms');
  });

  it('reads what has arrived before it ends', async () => {
    const callbacks: (() => void)[] = [];
    const question = new InstanceQuestion(500, readPing, (callback) => callbacks.push(callback));
    question.onAsked();
    vi.advanceTimersByTime(500);
    question.add(ping('1'));
    for (const onRead of callbacks) onRead();
    expect((await question.answers).instances).toEqual([ping('1')]);
  });
});

describe('KnownInstances', () => {
  it('tells those that have answered before, for a minute', () => {
    const known = new KnownInstances();
    const of = (...instances: ReturnType<typeof ping>[]) => ({ instances, silent: 0 });
    expect(known.complete(of(ping('2', 'b'), ping('1'), ping('0', 'b')), 0)).toEqual({
      instances: [ping('1'), ping('0', 'b'), ping('2', 'b')],
      missing: [],
      silent: 0,
    });
    expect(known.complete(of(ping('1')), 10_000).missing).toEqual([ping('0', 'b'), ping('2', 'b')]);
    expect(known.complete(of(ping('1'), ping('2', 'b')), 60_000).missing).toEqual([ping('0', 'b')]);
    expect(known.complete(of(ping('1')), 60_001).missing).toEqual([ping('2', 'b')]);
  });
});
