import { describe, expect, it } from 'vitest';
import { whenReadDry, type CountedStream } from '../../../../src/broker/connection/read-dry.js';

/** The size of a full read. */
const FULL = 65_536;

/** Counts the turns of the event loop until a socket is dry that reads these bytes, one entry in each turn. */
async function turnsUntilDry(reads: readonly number[], encrypted?: boolean): Promise<number> {
  const stream = { bytesRead: 1_000, ...(encrypted && { encrypted }) };
  let turns = 0;
  await new Promise<void>((resolve) => {
    let isDry = false;
    const turn = (): void => {
      // It runs before the check of the same turn.
      stream.bytesRead += reads[turns] ?? 0;
      if (isDry) return;
      turns++;
      setImmediate(turn);
    };
    setImmediate(turn);
    whenReadDry(stream, () => {
      isDry = true;
      resolve();
    });
  });
  return turns;
}

describe('whenReadDry', () => {
  it.each([
    ['nothing', [], 1],
    ['a short chunk', [500], 1],
    ['a full chunk, then nothing', [FULL, 0], 2],
    ['full chunks, then a short one', [32 * FULL, 32 * FULL, 10], 3],
    ['full chunks and a short one in one turn', [3 * FULL + 10], 1],
  ])('calls back after %s', async (_, reads, turns) => {
    expect(await turnsUntilDry(reads)).toBe(turns);
  });

  it.each([
    ['less than a full read', [FULL - 1], 1],
    ['more than a full read, then less', [3 * FULL + 10, 10], 2],
  ])('over TLS calls back after a turn with %s', async (_, reads, turns) => {
    expect(await turnsUntilDry(reads, true)).toBe(turns);
  });

  it('calls back in the next turn where there is no socket', async () => {
    const order: string[] = [];
    const called = new Promise<void>((resolve) =>
      whenReadDry(undefined, () => {
        order.push('dry');
        resolve();
      }),
    );
    order.push('later');
    await called;
    expect(order).toEqual(['later', 'dry']);
  });

  it('never calls back within the call', () => {
    let calls = 0;
    const stream: CountedStream = { bytesRead: 0 };
    whenReadDry(stream, () => calls++);
    expect(calls).toBe(0);
  });
});
