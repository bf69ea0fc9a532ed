import type { Logger } from '@nestjs/common';
import { shorten } from '../../errors.js';
import type { DecoratedMethod } from '../nest-internals.js';
import { readPattern, type HandlerRoute } from './handler-route.js';

/**
 * Warns of each method two patterns of which match one channel: it is called for both. `routes` are the handlers of a
 * server, which may not have taken all of the methods.
 */
export function warnOfOverlaps(
  logger: Pick<Logger, 'warn'>,
  methods: readonly DecoratedMethod[],
  routes: Iterable<HandlerRoute>,
): void {
  const taken = new Map(
    [...routes].map(({ handler, isEventHandler }) => [handler.extras, isEventHandler]),
  );
  for (const { name, patterns, extras } of methods) {
    const isEventHandler = taken.get(extras as never);
    if (isEventHandler === undefined) continue;
    const [one, other] = findOverlap(patterns, isEventHandler);
    if (one === undefined || other === undefined) continue;
    logger.warn(
      `${name} runs more than once for a message that several of its patterns match, such as "${shorten(one)}" and "${shorten(other)}". Remove one of them, or have each match other channels`,
    );
  }
}

/** Of two request handlers with the same pattern only one is called; a line of its own says so. */
function findOverlap(given: readonly unknown[], countsSame: boolean): string[] {
  const patterns = given.map((pattern) => readPattern(pattern));
  for (const [i, one] of patterns.entries()) {
    const other = patterns
      .slice(i + 1)
      .find((it) => (it.source === one.source ? countsSame : one.overlaps(it)));
    if (other) return [one.source, other.source];
  }
  return [];
}
