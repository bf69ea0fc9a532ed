import type { MessageEvent } from '@nestjs/common';
import { defer, map, type MonoTypeOperatorFunction } from 'rxjs';

/**
 * Gives each event without an id the id of the event before it, which is a position in the history of the user. Nest
 * numbers events without one, and the browser would send that number back as `Last-Event-ID`.
 *
 * @param lastEventId The position that the browser sent.
 */
export function keepEventId(lastEventId?: string): MonoTypeOperatorFunction<MessageEvent> {
  return (events) =>
    defer(() => {
      let id = lastEventId;
      return events.pipe(
        map((event) => {
          // A resync without a position makes the earlier one void.
          id = event.id ?? (event.type === 'resync' ? undefined : id);
          // A copy, because several streams share an event, and Nest 11 writes its number into it.
          return { ...event, id };
        }),
      );
    });
}
