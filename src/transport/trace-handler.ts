import type { Delivery } from '../broker/broker.js';
import { handleTracing, telemetry, type HandleTrace } from '../telemetry.js';
import type { Failure } from './redis-pubsub.context.js';

/** A trace with the delivery that is handled, for the recorder of tests. Telemetry has no payloads. */
export interface DeliveryTrace extends HandleTrace {
  readonly delivery: Delivery;
}

/** Whether telemetry observes handlers. Check it before {@link traceHandler}. */
export function isHandlerTraced(): boolean {
  return telemetry.handle.hasSubscribers || handleTracing.hasSubscribers;
}

/** Runs a handler, and reports it to telemetry. `pattern` is the handler's; `run` must not reject. */
export function traceHandler(
  pattern: string,
  delivery: Delivery,
  run: () => Promise<Failure | undefined>,
): Promise<Failure | undefined> {
  const trace: DeliveryTrace = { channel: delivery.channel, pattern, delivery };
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
export function traceSubscriber(pattern: string, delivery: Delivery, run: () => void): void {
  const trace: DeliveryTrace = { channel: delivery.channel, pattern, delivery };
  const start = performance.now();
  handleTracing.start.runStores(trace, () => {
    run();
    report(trace, start);
    handleTracing.end.publish(trace);
  });
}

function report(trace: HandleTrace, start: number, failure?: Failure): void {
  const { channel, pattern } = trace;
  const duration = performance.now() - start;
  trace.duration = duration;
  if (failure) {
    trace.error = failure.error ?? new Error('The handler failed without an error');
    handleTracing.error.publish(trace);
  }
  if (!telemetry.handle.hasSubscribers) return;
  telemetry.handle.publish({
    channel,
    pattern,
    duration,
    ...(failure && { error: trace.error }),
  });
}
