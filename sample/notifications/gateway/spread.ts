import type { MessageEvent } from '@nestjs/common';
import { map, type MonoTypeOperatorFunction } from 'rxjs';

/** How many pages reload in a second, so that a gateway and Redis serve other requests, too. */
const RELOADS_PER_SECOND = 500;
const MAX_SPREAD_MS = 10_000;
/** The shortest time after which a browser opens a lost stream again, in milliseconds. */
const MIN_RETRY_MS = 500;
/** The events at which pages load something. */
const RELOADS = new Set<string | undefined>(['ready', 'resync', 'post']);

/** The time over which the pages of so many streams spread what they do at once, such as a reload; in milliseconds. */
export function spreadOf(streams: number): number {
  return Math.min(MAX_SPREAD_MS, Math.ceil((streams * 1_000) / RELOADS_PER_SECOND));
}

/**
 * Has the events at which pages load something tell them over which time they spread it. Each also tells the browser when
 * to open the stream again once it is lost: all streams of a gateway are lost at the same moment.
 */
export function withSpread(
  currentSpreadMs: () => number,
  random = Math.random,
): MonoTypeOperatorFunction<MessageEvent> {
  return map((event) => {
    if (!RELOADS.has(event.type)) return event;
    const spreadMs = currentSpreadMs();
    const retry = Math.round(MIN_RETRY_MS + random() * (MIN_RETRY_MS + spreadMs));
    return { ...event, data: { ...(event.data as object), spreadMs }, retry };
  });
}
