import { Subject } from 'rxjs';
import type { Settings } from './settings.js';
import { traceMessages } from './trace-messages.js';
import { describeTrace, type TracedMessage } from './traced-message.js';

/** What a service sends to the launcher, and the launcher to the gateways. */
export interface TraceMessage {
  readonly traced: TracedMessage;
}

const traced$ = new Subject<TracedMessage>();

/**
 * The messages of all processes of the launcher, in order. A process without a launcher has its own messages
 * only.
 */
export const messageTrace = traced$.asObservable();

/** Logs each message and subscription of this process in one line, or has the launcher do it. */
export function startTrace(instance: string, { isTracing, isTracedByLauncher }: Settings): void {
  if (!isTracing) return;
  if (isTracedByLauncher) {
    traceMessages(instance, (traced) => {
      if (process.connected) process.send?.({ traced } satisfies TraceMessage);
    });
    process.on('message', (message) => {
      if (isTraceMessage(message)) traced$.next(message.traced);
    });
    return;
  }
  traceMessages(instance, (traced) => {
    console.log(describeTrace(traced));
    traced$.next(traced);
  });
}

export function isTraceMessage(message: unknown): message is TraceMessage {
  return typeof message === 'object' && message !== null && 'traced' in message;
}
