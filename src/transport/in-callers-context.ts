import { Observable } from 'rxjs';
import { CallerContext } from '../shared/async-context.js';

/** As `source$`, but each subscriber is called in the context that it subscribed in, such as that of a request. */
export function inCallersContext<T>(source$: Observable<T>): Observable<T> {
  return new Observable((subscriber) => {
    const context = new CallerContext();
    return source$.subscribe({
      next: (value) => context.next(subscriber, value),
      error: (error) => context.error(subscriber, error),
      complete: () => context.complete(subscriber),
    });
  });
}
