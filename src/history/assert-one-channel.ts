import type { ChannelPattern } from '../channel/channel-pattern.js';
import { InvalidOptionError, shorten } from '../errors.js';

/** Throws `InvalidOptionError` for a pattern, whose channels have a history each. */
export function assertOneChannel({ source, kind }: Pick<ChannelPattern, 'source' | 'kind'>): void {
  if (kind !== 'pattern') return;
  const expected = `absent for the pattern "${shorten(source)}", since a history is that of one channel`;
  throw new InvalidOptionError('recover', expected, true);
}
