import type { Bench } from '../../harness/bench.js';
import { usageRow } from '../../harness/figures.js';
import type { MeasureResult } from '../../harness/result.js';
import { atMostTimes } from '../../harness/target.js';
import { SMALL } from '../../workload/payloads.js';
import { floorNotes } from './floor-notes.js';
import { usageAt } from './pick-usage.js';
import { measureReceiving, type Comparison, type ReceiverSettings } from './receiving.js';
import { sizesFor } from './sizes.js';

const COMPARISON: Comparison = { candidates: ['ours', 'built-in', 'ioredis', 'node-redis'] };
const MAX_RATIO_TO_BUILT_IN = 0.43;
/** Of large payloads JSON takes the most, which is the same for both. */
const maxRatioToFloor = (bytes: number): number => (bytes <= SMALL ? 0.8 : 0.9);

/** The cost of receiving a message, for each candidate and each payload size. */
export async function receiveRows(
  bench: Bench,
  title: string,
  options: ReceiverSettings,
): Promise<MeasureResult> {
  const sizes = sizesFor(bench);
  const rounds = await measureReceiving(bench, COMPARISON, options, sizes);
  const rows = sizes.map(({ name, bytes, chart }, index) => ({
    ...usageRow(`${title}, ${name}`, rounds, usageAt(index), [
      atMostTimes(MAX_RATIO_TO_BUILT_IN, 'built-in'),
      atMostTimes(maxRatioToFloor(bytes), 'ioredis'),
    ]),
    bar: { chart, label: title },
  }));
  return { rows, notes: floorNotes(rows, MAX_RATIO_TO_BUILT_IN) };
}
