import { Observable } from 'rxjs';
import { captureContext } from '../shared/async-context.js';

/** As `source$`, but each subscriber is called in the context that it subscribed in, such as that of a request. */
export function inCallersContext<T>(source$: Observable<T>): Observable<T> {
  return new Observable((subscriber) => {
    const context = captureContext();
    return source$.subscribe({
      next: (value) => context.runInAsyncScope(subscriber.next, subscriber, value),
      error: (error) => context.runInAsyncScope(subscriber.error, subscriber, error),
      complete: () => context.runInAsyncScope(subscriber.complete, subscriber),
    });
  });
}
