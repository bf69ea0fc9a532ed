import { InvalidOptionError, shorten } from '../../errors.js';
import { attributeToHandler } from '../nest-internals.js';
import type { HandlerRoute } from './handler-route.js';

/**
 * Throws `InvalidOptionError` for a route whose messages another one of the same group and server has, too: only one of
 * them would handle each. The patterns of one method may overlap.
 */
export function assertOnlyMember(route: HandlerRoute, others: Iterable<HandlerRoute>): void {
  if (route.group === undefined) return;
  for (const other of others) {
    if (other.group !== route.group || !sharesMessages(route, other)) continue;
    const error = new InvalidOptionError(
      'group',
      `another one than that of the handler of "${shorten(other.pattern.source)}", since one of the two would handle each message of both`,
      route.group,
    );
    attributeToHandler(error, route.handler.extras ?? {});
    throw error;
  }
}

function sharesMessages(one: HandlerRoute, other: HandlerRoute): boolean {
  const isOneMethod = one.handler.extras === other.handler.extras;
  const isOneKind = (one.key.kind === 'shard') === (other.key.kind === 'shard');
  if (isOneMethod || !isOneKind) return false;
  return one.pattern.source === other.pattern.source || one.pattern.overlaps(other.pattern);
}
