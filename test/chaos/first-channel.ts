import type { NumberedChannel } from '../support/faults/numbered-channel.js';
import type { Scenario } from './scenario.js';

/** The first channel of the plain publisher: a counter-proof subscribes to it. */
export function firstChannel({ channels }: Scenario): NumberedChannel {
  const [channel] = channels.plain;
  if (!channel) throw new Error('Expected the scenario to have a plain channel, it has not');
  return channel;
}
