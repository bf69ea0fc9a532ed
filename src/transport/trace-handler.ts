import type { Delivery } from '../broker/broker.js';
import type { Headers } from '../codec/codec.js';
import { brandOf } from '../shared/brand.js';
import { toError } from '../shared/to-error.js';
import { handleTracing, telemetry, type HandleTrace } from '../telemetry.js';
import type { Failure } from './redis-pubsub.context.js';

/** A message that a handler or an observer handles. */
export interface TracedMessage {
  /** The option `name` of its module or server. */
  readonly transport: string;
  /** That of the handler. */
  readonly pattern: string;
  readonly headers: Headers;
  /** That of a request. */
  readonly requestId?: string | undefined;
  readonly messageId?: string | undefined;
  readonly delivery: Delivery;
}

const DELIVERY = brandOf('delivery');

/** A trace that keeps its delivery to itself: what a subscriber prints or sends must have no payload. */
class MessageTrace implements HandleTrace {
  readonly transport: string;
  readonly channel: string;
  readonly pattern: string;
  readonly headers: Headers;
  // Not even `undefined` for an event, or before the handler has ended.
  declare readonly requestId?: string;
  declare readonly messageId?: string;
  declare duration?: number;
  declare error?: Error;
  readonly #delivery: Delivery;

  constructor({ transport, pattern, headers, requestId, messageId, delivery }: TracedMessage) {
    this.transport = transport;
    this.channel = delivery.channel;
    this.pattern = pattern;
    this.headers = headers;
    if (requestId !== undefined) this.requestId = requestId;
    if (messageId !== undefined) this.messageId = messageId;
    this.#delivery = delivery;
  }

  // No getter, which `inspect` may call.
  [DELIVERY](): Delivery {
    return this.#delivery;
  }
}

/** The delivery behind a trace of any copy of this package, for the recorder of tests. None if a test made the trace. */
export function deliveryOf(trace: HandleTrace): Delivery | undefined {
  return (trace as Partial<MessageTrace>)[DELIVERY]?.();
}

/** Whether telemetry observes handlers. Check it before {@link traceHandler}. */
export function isHandlerTraced(): boolean {
  return telemetry.handle.hasSubscribers || handleTracing.hasSubscribers;
}

/** Runs the handler of a message, and reports it to telemetry. `run` must not reject. */
export function traceHandler(
  message: TracedMessage,
  run: () => Promise<Failure | undefined>,
): Promise<Failure | undefined> {
  const trace = new MessageTrace(message);
  const start = performance.now();
  return handleTracing.start.runStores(trace, () => {
    const ended = run().then((failure) => {
      report(trace, start, failure);
      handleTracing.asyncStart.publish(trace);
      handleTracing.asyncEnd.publish(trace);
      return failure;
    });
    handleTracing.end.publish(trace);
    return ended;
  });
}

/** As {@link traceHandler}, for the subscriber of an observer, of which RxJS tells no failure. */
export function traceSubscriber(message: TracedMessage, run: () => void): void {
  const trace = new MessageTrace(message);
  const start = performance.now();
  handleTracing.start.runStores(trace, () => {
    run();
    report(trace, start);
    handleTracing.end.publish(trace);
  });
}

function report(trace: HandleTrace, start: number, failure?: Failure): void {
  const { transport, channel, pattern } = trace;
  const duration = performance.now() - start;
  const error = failure && toError(failure.error);
  trace.duration = duration;
  if (error) {
    trace.error = error;
    handleTracing.error.publish(trace);
  }
  if (!telemetry.handle.hasSubscribers) return;
  telemetry.handle.publish({ transport, channel, pattern, duration, ...(error && { error }) });
}
