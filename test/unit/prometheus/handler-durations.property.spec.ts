import { array, assert, boolean, double, property, record, uniqueArray } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HandlerDurations } from '../../../src/prometheus/handler-durations.js';

const seconds = double({ min: 0, max: 20, noNaN: true });
const bounds = uniqueArray(double({ min: -1, max: 20, noNaN: true }), {
  minLength: 1,
  maxLength: 8,
});

describe('HandlerDurations', () => {
  it('has in each bucket all that took no longer, and their sum and number', () => {
    const runs = array(record({ seconds, hasFailed: boolean() }), { minLength: 1 });
    assert(
      property(bounds, runs, (unsorted, all) => {
        const buckets = unsorted.toSorted((one, other) => one - other);
        const durations = new HandlerDurations(buckets);
        for (const run of all) durations.add('shop', 'a.*', run.seconds, run.hasFailed);
        const values = durations
          .readHistogram('d')
          .map(({ labels, metricName, value }) => [metricName, labels.le, value]);
        expect(values).toEqual([
          ...buckets.map((le) => [
            'd_bucket',
            String(le),
            all.filter((run) => run.seconds <= le).length,
          ]),
          ['d_bucket', '+Inf', all.length],
          ['d_sum', undefined, all.reduce((sum, run) => sum + run.seconds, 0)],
          ['d_count', undefined, all.length],
        ]);
        const failed = all.filter((run) => run.hasFailed).length;
        const handled = durations.readHandled().map(({ labels, value }) => [labels.status, value]);
        expect(handled).toEqual([
          ['ok', all.length - failed],
          ['error', failed],
        ]);
      }),
    );
  });
});
