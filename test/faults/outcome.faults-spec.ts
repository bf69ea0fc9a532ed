import { describe, expect, it } from 'vitest';
import { NumberedChannel } from '../support/faults/numbered-channel.js';
import { Recorder } from '../support/faults/recorder.js';
import { brokenPromises, type Outcome } from './outcome.js';
import { cellOf } from './report.js';

const outcome = (some: Partial<Outcome>): Outcome => ({
  fate: 'recovered',
  after: 10,
  lost: 0,
  reportedBy: [],
  ...some,
});

/** The table relies on these functions, so each of them must tell a good outcome from a bad one. */
describe('the outcome of a candidate', () => {
  it.each<[string, Partial<Outcome>[]]>([
    ['**process dies**', [{ fate: 'dead' }]],
    ['**deaf for good**, not reported', [{ fate: 'deaf' }]],
    ['1,200 ms, 7 lost, not reported', [{ after: 1_200, lost: 7 }]],
    ['10 ms, nothing lost', [{}]],
    [
      '20 ms, 2 lost, reported by status, gap',
      [10, 20, 30].map((after, i) => reported(after, i + 1)),
    ],
    ['1 of 2: **process dies**; 1 of 2: 10 ms, nothing lost', [{ fate: 'dead' }, {}]],
  ])('is shown as: %s', (cell, outcomes) => {
    expect(cellOf(outcomes.map(outcome))).toBe(cell);
  });

  it('is good when every message arrives once and in order', async () => {
    expect(brokenPromises(await candidate([0, 1, 2]))).toEqual([]);
  });

  it('is good when a gap reports the loss', async () => {
    const gap = { from: new Date(0), to: new Date() };
    expect(brokenPromises(await candidate([0, 2], [gap]))).toEqual([]);
  });

  it.each([
    ['a loss without a gap', [0, 2], 'was lost outside of the reported gaps: none'],
    ['a duplicate', [0, 1, 1, 2], '1 came twice'],
    ['disorder', [0, 2, 1], '1 came after 2'],
  ])('is a broken promise: %s', async (_, received, words) => {
    expect(brokenPromises(await candidate(received))).toEqual([expect.stringContaining(words)]);
  });
});

const reported = (after: number, lost: number): Partial<Outcome> => ({
  after,
  lost,
  reportedBy: ['gap', 'status'],
});

async function candidate(received: readonly number[], gaps: { from: Date; to: Date }[] = []) {
  const channel = new NumberedChannel('faults');
  for (let i = 0; i < 3; i++) await channel.publish(async () => 1);
  const recorder = new Recorder('this package', channel, gaps);
  for (const number of received) recorder.record(number);
  return { recorder, readyAt: [0] };
}
