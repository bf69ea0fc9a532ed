import type { RedisOptions } from 'ioredis';
import { askSentinels } from './ask-sentinels.js';
import { MasterWatch } from './master-watch.js';

/**
 * A watch over the connections that are made with these options, where sentinels say where to; none
 * where replicas are wanted, of which any will do. `interval` in milliseconds.
 */
export function watchMaster(options: RedisOptions, interval: number): MasterWatch | undefined {
  if (!options.sentinels || options.role === 'slave') return undefined;
  return new MasterWatch({ interval, ask: (signal) => askSentinels(options, signal) });
}
