import { describe, expect, it } from 'vitest';
import type { PubSubGap } from 'nestjs-redis-pubsub';
import { Ear, Lane } from './ledger.js';

/** What the checks of every scenario rest on: each of them must be able to fail. */
describe('the ledger', () => {
  it('is content when everything is heard once and in order', async () => {
    const { ear } = await publish(3);
    for (const number of [0, 1, 2]) ear.hear(number);
    expect(ear.violations(3)).toEqual([]);
  });

  it('finds a double', async () => {
    const { ear } = await publish(2);
    for (const number of [0, 1, 1]) ear.hear(number);
    expect(ear.violations(2)).toEqual(['an ear: 1 came twice']);
  });

  it('finds a double of what was checked and forgotten', async () => {
    const { ear, lane } = await publish(2);
    for (const number of [0, 1]) ear.hear(number);
    ear.forget(2);
    lane.forget(2);
    ear.hear(0);
    expect(ear.violations(2)).toEqual(['an ear: 0 came after 1']);
  });

  it('finds disorder', async () => {
    const { ear } = await publish(3);
    for (const number of [0, 2, 1]) ear.hear(number);
    expect(ear.violations(3)).toEqual(['an ear: 1 came after 2']);
  });

  it('finds a loss that was not told, and a gap that was told for another time', async () => {
    const { ear, gaps } = await publish(3);
    for (const number of [0, 2]) ear.hear(number);
    expect(ear.violations(3)).toEqual([expect.stringMatching(/1, published .* was lost .*: none/)]);
    const [from, to] = [new Date(Date.now() + 1_000), new Date(Date.now() + 2_000)];
    gaps.push({ from, to });
    expect(ear.violations(3)).toHaveLength(1);
  });

  it('is content with a loss inside a gap that was told', async () => {
    const { ear, gaps } = await publish(3);
    for (const number of [0, 2]) ear.hear(number);
    gaps.push({ from: new Date(Date.now() - 1_000), to: new Date() });
    expect(ear.violations(3)).toEqual([]);
    expect(ear.missing(3)).toHaveLength(1);
  });

  it('expects nothing of what Redis did not accept', async () => {
    const { ear } = await publish(3, 'failed');
    expect(ear.violations(3)).toEqual([]);
  });

  it('finds disorder of what failed, unless a server may go on later with what it had taken', async () => {
    const [strict, lenient] = [await publish(2, 'failed'), await publish(2, 'failed', true)];
    for (const { ear } of [strict, lenient]) for (const number of [1, 0]) ear.hear(number);
    expect(strict.ear.violations(2)).toEqual(['an ear: 0 came after 1']);
    expect(lenient.ear.violations(2)).toEqual([]);
  });

  it('finds a double of what failed and is late, though everything else is forgotten', async () => {
    const { ear, lane } = await publish(2, 'failed', true);
    for (const number of [0, 1]) ear.hear(number);
    ear.forget(2);
    lane.forget(2);
    ear.hear(0);
    expect(ear.violations(2)).toEqual(['an ear: 0 came twice']);
  });

  it('finds disorder of what was accepted, wherever a server may go on later', async () => {
    const { ear } = await publish(2, 'accepted', true);
    for (const number of [1, 0]) ear.hear(number);
    expect(ear.violations(2)).toEqual(['an ear: 0 came after 1']);
  });

  it('takes what is left from an earlier lane for none of its own', () => {
    const ear = new Ear('an ear', new Lane('some', { first: 10 }), []);
    for (const number of [9, 10, 8]) ear.hear(number);
    expect(ear.violations(11)).toEqual([]);
    expect(ear.last).toBe(10);
  });

  it('knows when somebody hears again: by a message that was sent since', async () => {
    const { ear, lane } = await publish(1);
    ear.watch(Date.now() + 1);
    ear.hear(0);
    expect(ear.recoveredAt).toBeUndefined();
    ear.watch(Date.now());
    lane.note(() => Promise.resolve());
    ear.hear(1);
    expect(ear.recoveredAt).toBeDefined();
  });
});

async function publish(
  count: number,
  outcome: 'accepted' | 'failed' = 'accepted',
  isLateAllowed = false,
) {
  const lane = new Lane('some', { isLateAllowed });
  const gaps: PubSubGap[] = [];
  const sent = Array.from({ length: count }, () =>
    outcome === 'accepted' ? Promise.resolve() : Promise.reject(new Error('refused')),
  );
  for (const promise of sent) lane.note(() => promise);
  await Promise.allSettled(sent);
  return { lane, gaps, ear: new Ear('an ear', lane, gaps) };
}
