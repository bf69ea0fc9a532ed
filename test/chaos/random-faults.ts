import { setTimeout } from 'node:timers/promises';
import type { Fault } from './fault.js';
import type { Random } from '../support/random.js';
import type { PastFault, Scenario } from './scenario.js';
import { settings } from './settings.js';

/** Injects this many faults. It injects some of them while the application recovers from the one before. */
export async function injectAtRandom(
  scenario: Scenario,
  faults: readonly Fault[],
  random: Random,
  count: number,
): Promise<void> {
  const { pingInterval, pingTimeout } = settings().heartbeat;
  const history: string[] = [];
  let past: PastFault[] = [];
  for (let i = 1; i <= count; i++) {
    const fault = random.pick(faults);
    const duration = random.below(2 * (pingInterval + pingTimeout));
    history.push(`${i}. ${fault.name} (${duration} ms)`);
    try {
      past.push(await scenario.inject(fault, duration));
      if (i < count && random.below(3) === 0) {
        await setTimeout(random.below(200));
        continue;
      }
      await scenario.recover(past);
    } catch (error) {
      throw new Error(`CHAOS_SEED=${settings().seed}, after:\n${history.slice(-5).join('\n')}`, {
        cause: error,
      });
    }
    past = [];
  }
}
