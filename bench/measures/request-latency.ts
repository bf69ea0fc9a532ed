import { figuresOf, rowOf } from '../harness/figures.js';
import type { Measure } from '../harness/measure.js';
import type { Figures, Row } from '../harness/result.js';
import { summarizeRatios, type Summary } from '../harness/statistics.js';
import { atMostTimes } from '../harness/target.js';
import { measureRequesting } from './support/requesting.js';

const COUNT = { full: 1_000, quick: 100 };
const WARM_UP = { full: 20_000, quick: 100 };

/** The round-trip time of a request, one request at a time. */
export const requestLatency: Measure = {
  name: 'request-latency',
  title: 'Request-response, one at a time',

  async run(bench) {
    const candidates = ['ours', 'built-in', 'ioredis', 'ioredis-json'] as const;
    const rounds = await measureRequesting(bench, candidates, {
      count: bench.pick(COUNT),
      inFlight: 1,
      warmUp: bench.pick(WARM_UP),
    });
    const { 'ioredis-json': hopsWithJson, ...median } = figuresOf(rounds, (samples) =>
      samples.map(({ latency }) => latency.p50),
    );
    return {
      rows: [
        {
          ...roundTripRow(this.title, median),
          bar: { chart: 'latency', label: 'Request and reply, median' },
        },
        rowOf('… two bare hops with the same JSON', 'µs, median', { ioredis: hopsWithJson }),
      ],
      notes: jsonNotes(median.ours, hopsWithJson),
    };
  },
};

function roundTripRow(name: string, figures: Figures): Row {
  return rowOf(name, 'µs, median', figures, [atMostTimes(1.25, 'ioredis')]);
}

/** Compares with bare hops that parse the JSON, because plain bare hops do not read their text. */
function jsonNotes(ours: Summary | undefined, hopsWithJson: Summary | undefined): string[] {
  if (!ours || !hopsWithJson) return [];
  const { median } = summarizeRatios(ours.rounds, hopsWithJson.rounds);
  return [
    `Request-response, one at a time: ${median.toFixed(2)} × bare ioredis that reads and writes the same JSON at both ends.`,
  ];
}
