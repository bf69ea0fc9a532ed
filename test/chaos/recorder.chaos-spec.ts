import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { PubSubGap } from 'nestjs-redis-pubsub';
import { LossAudit } from '../support/faults/loss-audit.js';
import { NumberedChannel } from '../support/faults/numbered-channel.js';
import { Recorder } from '../support/faults/recorder.js';

/** Every scenario relies on these checks, so each of them must be able to fail. */
describe('a recorder', () => {
  it('finds nothing when every message arrives once and in order', async () => {
    const { recorder } = await publish(3);
    for (const number of [0, 1, 2]) recorder.record(number);
    expect(recorder.violations(3)).toEqual([]);
  });

  it('finds a duplicate', async () => {
    const { recorder } = await publish(2);
    for (const number of [0, 1, 1]) recorder.record(number);
    expect(recorder.violations(2)).toEqual(['a listener: 1 came twice']);
  });

  it('finds a duplicate of a message that was removed', async () => {
    const { recorder, channel } = await publish(2);
    for (const number of [0, 1]) recorder.record(number);
    recorder.removeBefore(2);
    channel.removeBefore(2);
    recorder.record(0);
    expect(recorder.violations(2)).toEqual(['a listener: 0 came after 1']);
  });

  it('finds disorder', async () => {
    const { recorder } = await publish(3);
    for (const number of [0, 2, 1]) recorder.record(number);
    expect(recorder.violations(3)).toEqual(['a listener: 1 came after 2']);
  });

  it('finds a loss that no gap reports, and a loss outside of the reported gap', async () => {
    const { recorder, gaps } = await publish(3);
    for (const number of [0, 2]) recorder.record(number);
    expect(recorder.violations(3)).toEqual([
      expect.stringMatching(/1, published .* was lost .*: none/),
    ]);
    const [from, to] = [new Date(Date.now() + 1_000), new Date(Date.now() + 2_000)];
    gaps.push({ from, to });
    expect(recorder.violations(3)).toHaveLength(1);
  });

  it('finds nothing when a reported gap covers the loss', async () => {
    const { recorder, gaps } = await publish(3);
    for (const number of [0, 2]) recorder.record(number);
    gaps.push({ from: new Date(Date.now() - 1_000), to: new Date() });
    expect(recorder.violations(3)).toEqual([]);
    expect(recorder.lost(3)).toHaveLength(1);
  });

  it('expects no message that Redis did not accept', async () => {
    const { recorder } = await publish(3, 'failed');
    expect(recorder.violations(3)).toEqual([]);
  });

  it('finds disorder of a message whose PUBLISH failed, unless a server may deliver it late', async () => {
    const [strict, lenient] = [await publish(2, 'failed'), await publish(2, 'failed', true)];
    for (const { recorder } of [strict, lenient])
      for (const number of [1, 0]) recorder.record(number);
    expect(strict.recorder.violations(2)).toEqual(['a listener: 0 came after 1']);
    expect(lenient.recorder.violations(2)).toEqual([]);
  });

  it('finds a duplicate of a late message after the others were removed', async () => {
    const { recorder, channel } = await publish(2, 'failed', true);
    for (const number of [0, 1]) recorder.record(number);
    recorder.removeBefore(2);
    channel.removeBefore(2);
    recorder.record(0);
    expect(recorder.violations(2)).toEqual(['a listener: 0 came twice']);
  });

  it('finds disorder of an accepted message also where a server may deliver late', async () => {
    const { recorder } = await publish(2, 'accepted', true);
    for (const number of [1, 0]) recorder.record(number);
    expect(recorder.violations(2)).toEqual(['a listener: 0 came after 1']);
  });

  it('ignores messages of an earlier scenario', () => {
    const recorder = new Recorder('a listener', new NumberedChannel('some', { first: 10 }));
    for (const number of [9, 10, 8]) recorder.record(number);
    expect(recorder.violations(11)).toEqual([]);
    expect(recorder.last).toBe(10);
  });

  it('knows when its listener recovered: with a message that was sent after the fault', async () => {
    const { recorder, channel } = await publish(1);
    const faultAt = Date.now();
    recorder.record(0);
    expect(recorder.recoveredAt(faultAt)).toBeUndefined();
    while (Date.now() === faultAt) await setImmediate();
    await channel.publish(() => Promise.resolve());
    recorder.record(1, 42);
    expect(recorder.recoveredAt(faultAt)).toBe(42);
  });
});

/** The messages of these numbers, with these ids, arrive. */
function arrive(audit: LossAudit, ...messages: readonly (readonly [number, string])[]): void {
  for (const [number, id] of messages) audit.record(number, id);
}

describe('an audit of losses', () => {
  it('finds nothing when each loss is told', async () => {
    const audit = new LossAudit('a listener', (await publish(5)).channel);
    arrive(audit, [0, 'p.1-1'], [1, 'p.1-2']);
    audit.tell(2);
    arrive(audit, [4, 'p.1-5']);
    expect(audit.violations(5)).toEqual([]);
    expect(audit.counted).toBe(2);
  });

  it('finds a loss that is not told, and one that did not happen', async () => {
    const { channel } = await publish(3);
    const [silent, wrong] = [new LossAudit('a', channel), new LossAudit('b', channel)];
    arrive(silent, [0, 'p.1-1'], [2, 'p.1-3']);
    expect(silent.violations(3)).toEqual([
      'a: 0 told as lost between 0 and 2, where 1 were (and up to 0 more)',
    ]);
    arrive(wrong, [0, 'p.1-1']);
    wrong.tell(1);
    arrive(wrong, [1, 'p.1-2'], [2, 'p.1-3']);
    expect(wrong.violations(3)).toHaveLength(1);
  });

  it('knows a loss of which the publications are removed before it is told', async () => {
    const { channel } = await publish(4);
    const audit = new LossAudit('a listener', channel);
    arrive(audit, [0, 'p.1-1']);
    audit.tell(1);
    arrive(audit, [3, 'p.1-4']);
    expect(audit.violations(2)).toEqual([]);
    channel.removeBefore(2);
    expect(audit.violations(4)).toHaveLength(1);
  });

  it('accepts either outcome of a message whose PUBLISH failed', async () => {
    const { channel } = await publish(3, 'failed');
    for (const told of [0, 1]) {
      const audit = new LossAudit('a listener', channel);
      arrive(audit, [0, 'p.1-1']);
      if (told > 0) audit.tell(told);
      arrive(audit, [2, 'p.1-3']);
      expect(audit.violations(3)).toEqual([]);
    }
  });

  it('finds a count before the first message of a stream', async () => {
    const audit = new LossAudit('a listener', (await publish(2)).channel);
    audit.tell(1);
    arrive(audit, [1, 'p.1-2']);
    expect(audit.violations(2)).toEqual(['a listener: 1 told before 1, the first of its stream']);
  });
});

async function publish(
  count: number,
  outcome: 'accepted' | 'failed' = 'accepted',
  isLateAllowed = false,
) {
  const channel = new NumberedChannel('some', { isLateAllowed });
  const gaps: PubSubGap[] = [];
  const send = async (): Promise<void> => {
    if (outcome === 'failed') throw new Error('refused');
  };
  for (let i = 0; i < count; i++) await channel.publish(send);
  return { channel, gaps, recorder: new Recorder('a listener', channel, gaps) };
}
