import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Measure } from '../harness/measure.js';
import { channelName } from '../workload/channels.js';
import { dataOf, packetOf, SMALL } from '../workload/payloads.js';

const run = promisify(execFile);
const COUNT = { full: 200_000, quick: 2_000 };
const IN_FLIGHT = 500;
const TIMEOUT_MS = 60_000;

/** The PUBLISH rate that `redis-benchmark` reaches on the same server, as a reference. */
export const redisBenchmark: Measure = {
  name: 'redis-benchmark',
  title: 'PUBLISH by redis-benchmark',

  async run(bench) {
    const rate = await publishRate(bench.redis.port, bench.pick(COUNT));
    const note =
      rate === undefined
        ? '`redis-benchmark` is not on PATH.'
        : `\`redis-benchmark\` publishes ${Math.round(rate).toLocaleString('en')} messages of ${SMALL} B per second on this server, ${IN_FLIGHT} in flight.`;
    return { rows: [], notes: [note] };
  },
};

/** Messages per second; `undefined` if `redis-benchmark` is not installed. */
async function publishRate(port: number, count: number): Promise<number | undefined> {
  const packet = packetOf(channelName(0), JSON.stringify(dataOf(SMALL)));
  const connection = ['-h', '127.0.0.1', '-p', String(port), '-c', '1', '-P', String(IN_FLIGHT)];
  const publish = ['-n', String(count), '--csv', 'PUBLISH', channelName(0), packet];
  try {
    const { stdout } = await run('redis-benchmark', [...connection, ...publish], {
      timeout: TIMEOUT_MS,
    });
    return rateIn(stdout);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** The first numeric field after the name: `"PUBLISH …","123456.78","0.188",…`. */
function rateIn(csv: string): number {
  const rate = /^"PUBLISH .*?","(\d+\.\d+)"/m.exec(csv)?.[1];
  if (rate === undefined) throw new Error(`Expected redis-benchmark to print a rate, got ${csv}`);
  return Number(rate);
}
