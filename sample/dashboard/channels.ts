import { buildChannel } from 'nestjs-redis-pubsub';

/** The prefix of the channels of this sample. */
export const PREFIX = 'market:';
/** As a pattern it matches every ticker; with a symbol it is the channel of one, such as `ticker:AAB`. */
export const TICKERS = 'ticker::symbol';

export function channelOf(symbol: string): string {
  return buildChannel(TICKERS, { symbol });
}
