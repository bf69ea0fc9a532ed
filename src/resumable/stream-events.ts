import type { MessageEvent } from '@nestjs/common';
import { Observable } from 'rxjs';
import { hasCode } from '../errors.js';
import type { ReadOptions } from './resumable-options.js';
import { StreamError } from './stream-error.js';
import { StreamReader } from './stream-reader.js';
import type { StreamScope } from './stream-scope.js';

/** The id of an event where the client has no position: the browser would count one of its own, which Nest gives. */
const NO_POSITION = '0';

/** A stream as server-sent events, see `ResumableStreams#readEvents`. `report` receives what is no `StreamError`. */
export function toStreamEvents(
  scope: StreamScope,
  options: ReadOptions,
  report: (error: unknown) => void,
): Observable<MessageEvent> {
  return new Observable((subscriber) => {
    let id = options.since ?? NO_POSITION;
    const emit = (event: MessageEvent): void => subscriber.next({ ...event, id });
    const reader = new StreamReader(scope, options, {
      onRestart: () => {
        id = NO_POSITION;
        emit({ type: 'restart', data: {} });
      },
      onChunk: ({ data, position }) => {
        id = position;
        // Not as text: a line end in it would not arrive as it was.
        emit({ data: JSON.stringify(data) });
      },
      onEnd: (outcome, position) => {
        id = position;
        emit({ type: 'end', data: { outcome } });
        subscriber.complete();
      },
      onFailure: (error) => {
        // After the close of this application, the client goes on at another instance.
        const isMoved = hasCode(error, 'ERR_PUBSUB_CLOSED');
        if (!isMoved) emit({ type: 'failure', data: { reason: reasonOf(error, report) } });
        subscriber.complete();
      },
    });
    reader.open();
    return reader;
  });
}

function reasonOf(error: unknown, report: (error: unknown) => void): string {
  if (error instanceof StreamError) return error.reason;
  report(error);
  return 'unreadable';
}
