import { describe, expect, it } from 'vitest';
import { Lane } from '../chaos/ledger.js';
import { THIS_PACKAGE } from './contestants.js';
import { brokenPromises, type Outcome } from './outcome.js';
import { cellOf } from './report.js';

const outcome = (some: Partial<Outcome>): Outcome => ({
  fate: 'hears',
  after: 10,
  lost: 0,
  told: [],
  ...some,
});

/** What the table rests on: each of these must be able to tell good from bad. */
describe('what became of a participant', () => {
  it.each<[string, Partial<Outcome>[]]>([
    ['**process dies**', [{ fate: 'dead' }]],
    ['**deaf for good**, not told', [{ fate: 'deaf' }]],
    ['1,200 ms, 7 lost, not told', [{ after: 1_200, lost: 7 }]],
    ['10 ms, nothing lost', [{}]],
    ['20 ms, 2 lost, told by status, gap', [10, 20, 30].map((after, i) => told(after, i + 1))],
    ['1 of 2: **process dies**; 1 of 2: 10 ms, nothing lost', [{ fate: 'dead' }, {}]],
  ])('is told as: %s', (cell, outcomes) => {
    expect(cellOf(outcomes.map(outcome))).toBe(cell);
  });

  it('is well when everything is heard once and in order', async () => {
    expect(brokenPromises(await listener([0, 1, 2]))).toEqual([]);
  });

  it('is well when a gap was told of', async () => {
    const gap = { from: new Date(0), to: new Date() };
    expect(brokenPromises(await listener([0, 2], [gap]))).toEqual([]);
  });

  it.each([
    ['a loss that nobody told of', [0, 2], 'was lost outside of the gaps told: none'],
    ['a double', [0, 1, 1, 2], '1 came twice'],
    ['disorder', [0, 2, 1], '1 came after 2'],
  ])('is a broken promise: %s', async (_, heard, words) => {
    expect(brokenPromises(await listener(heard))).toEqual([expect.stringContaining(words)]);
  });
});

const told = (after: number, lost: number): Partial<Outcome> => ({
  after,
  lost,
  told: ['gap', 'status'],
});

async function listener(heard: readonly number[], gaps: { from: Date; to: Date }[] = []) {
  const lane = new Lane('faults');
  for (let i = 0; i < 3; i++) lane.note(async () => 1);
  await Promise.resolve();
  const hearings = heard.map((number) => ({ number, at: Date.now() }));
  return { contestant: THIS_PACKAGE, lane, heard: hearings, gaps, readyAt: [0] };
}
