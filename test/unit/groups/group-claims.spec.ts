import { describe, expect, it } from 'vitest';
import type { Claim } from '../../../src/broker/broker.js';
import { CLAIM_TTL_MS, GroupClaims, MAX_AGE_MS } from '../../../src/groups/group-claims.js';

/** A broker that records the claims, and answers when the test says so. */
function bench() {
  const asked: { readonly claim: Claim; readonly answer: (it: boolean[] | Error) => void }[] = [];
  const claims = new GroupClaims({
    claim: (claim) =>
      new Promise((resolve, reject) => {
        const answer = (it: boolean[] | Error): void =>
          it instanceof Error ? reject(it) : resolve(it);
        asked.push({ claim, answer });
      }),
  });
  return { claims, asked };
}

const tick = (): Promise<void> => new Promise(setImmediate);

/** As {@link bench}, after a tick with several messages: the first of the next one then waits for the others. */
async function busyBench() {
  const { claims, asked } = bench();
  void claims.take({ key: 'before', bit: 1 });
  void claims.take({ key: 'before', bit: 2 });
  await tick();
  asked.length = 0;
  return { claims, asked };
}

describe('GroupClaims', () => {
  it('sends the claims of one tick together, one command for each key', async () => {
    const { claims, asked } = await busyBench();
    const taken = [
      claims.take({ key: 'a', bit: 1 }),
      claims.take({ key: 'a', bit: 2 }),
      claims.take({ key: 'b', bit: 2 }),
      claims.take({ key: 'a', bit: 9 }),
    ];
    expect(asked.map(({ claim }) => claim)).toEqual([]);
    await tick();
    expect(asked.map(({ claim }) => claim)).toEqual([
      { key: 'a', bits: [1, 2, 9], ttlMs: CLAIM_TTL_MS },
      { key: 'b', bits: [2], ttlMs: CLAIM_TTL_MS },
    ]);
    asked[0]?.answer([true, false, true]);
    asked[1]?.answer([true]);
    expect(await Promise.all(taken)).toEqual([true, false, true, true]);
  });

  it('sends a claim that is alone in its tick at once, after another one that was', async () => {
    const { claims, asked } = bench();
    void claims.take({ key: 'a', bit: 1 });
    await tick();
    void claims.take({ key: 'a', bit: 2 });
    expect(asked.map(({ claim }) => claim.bits)).toEqual([[1], [2]]);
  });

  it('sends at most 1,000 bits in one command', async () => {
    const { claims, asked } = await busyBench();
    for (let bit = 0; bit < 2_500; bit++) void claims.take({ key: 'a', bit });
    await tick();
    expect(asked.map(({ claim }) => claim.bits?.length)).toEqual([1_000, 1_000, 500]);
  });

  it('fails the messages of a command that fails, and no others', async () => {
    const { claims, asked } = bench();
    const taken = ['a', 'a', 'b', 'whole'].map((key, bit) =>
      claims.take(key === 'whole' ? { key } : { key, bit }),
    );
    const outcomes = Promise.allSettled(taken);
    await tick();
    for (const { claim, answer } of asked) {
      answer(claim.key === 'a' ? new Error('lost') : [true]);
    }
    expect((await outcomes).map(({ status }) => status)).toEqual([
      'rejected',
      'rejected',
      'fulfilled',
      'fulfilled',
    ]);
  });

  it('lets 100,000 messages wait at most', async () => {
    const { claims, asked } = bench();
    const taken = Array.from({ length: 100_000 }, (_, bit) => claims.take({ key: 'a', bit }));
    const tooMany = 'Redis has not answered the claims of 100000 messages';
    await expect(claims.take({ key: 'b', bit: 1 })).rejects.toThrow(tooMany);
    await expect(claims.take({ key: 'b' })).rejects.toThrow(tooMany);
    await tick();
    for (const { claim, answer } of asked) answer((claim.bits ?? [0]).map(() => true));
    await Promise.all(taken);
    const last = claims.take({ key: 'b' });
    asked.at(-1)?.answer([true]);
    expect(await last).toBe(true);
  });

  it('keeps claims for longer than a message may be old', () => {
    expect(MAX_AGE_MS * 2).toBe(CLAIM_TTL_MS);
  });
});
