import { Observable, type MonoTypeOperatorFunction } from 'rxjs';
import { checkCount } from '../options/option-checks.js';

/**
 * An operator that emits the newest message of each channel every `intervalMs` milliseconds, and skips the older ones.
 * A channel without a new message emits nothing, and no timer runs while none has one. When the source completes, what
 * waits is emitted; an error is passed on at once.
 *
 * @example
 *   pubsub.observePattern('price.:symbol').pipe(latestByChannel(100))
 *
 * @param intervalMs at least 1: how long a message waits at most
 * @throws InvalidOptionError for another value
 */
export function latestByChannel<Message extends { readonly channel: string }>(
  intervalMs: number,
): MonoTypeOperatorFunction<Message> {
  checkCount('intervalMs', intervalMs, 1);
  return (source) =>
    new Observable((subscriber) => {
      const latest = new Map<string, Message>();
      let timer: NodeJS.Timeout | undefined;
      const emit = (): void => {
        const messages = [...latest.values()];
        latest.clear();
        clearTimeout(timer);
        timer = undefined;
        for (const message of messages) subscriber.next(message);
      };
      const subscription = source.subscribe({
        next: (message) => {
          latest.set(message.channel, message);
          timer ??= setTimeout(emit, intervalMs);
        },
        error: (error) => subscriber.error(error),
        complete: () => {
          emit();
          subscriber.complete();
        },
      });
      return () => {
        subscription.unsubscribe();
        clearTimeout(timer);
      };
    });
}
