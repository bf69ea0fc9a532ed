import { setTimeout } from 'node:timers/promises';
import type { Random } from './random.js';
import type { Scenario } from './scenario.js';
import { settings } from './settings.js';
import type { Fault } from './topology.js';

/** Strikes with so many faults; some of them while the application recovers from the one before. */
export async function sufferAtRandom(
  scenario: Scenario,
  faults: readonly Fault[],
  random: Random,
  count: number,
): Promise<void> {
  const { pingInterval, pingTimeout } = settings().liveness;
  const story: string[] = [];
  let blows: Awaited<ReturnType<Scenario['strike']>>[] = [];
  for (let i = 1; i <= count; i++) {
    const fault = random.pick(faults);
    const duration = random.below(2 * (pingInterval + pingTimeout));
    story.push(`${i}. ${fault.name} (${duration} ms)`);
    try {
      blows.push(await scenario.strike(fault, duration));
      if (i < count && random.below(3) === 0) {
        await setTimeout(random.below(200));
        continue;
      }
      await scenario.recover(blows);
    } catch (error) {
      throw new Error(`CHAOS_SEED=${settings().seed}, after:\n${story.slice(-5).join('\n')}`, {
        cause: error,
      });
    }
    blows = [];
  }
}
