import {
  createNoopMeter,
  metrics,
  trace,
  type Attributes,
  type Counter,
  type Histogram,
  type Tracer,
} from '@opentelemetry/api';

const SCOPE = 'nestjs-redis-pubsub';

/** In seconds, as the conventions advise. */
const explicitBucketBoundaries = [
  0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
];

/** What one operation records: how long it took, and that there was a message. */
interface Instruments {
  readonly duration: Histogram;
  readonly messages: Counter;
}

/** The tracer, and the metrics of the conventions. Without an SDK for metrics there are none. */
export interface Recorders {
  readonly tracer: Tracer;
  readonly sent: Instruments | undefined;
  readonly consumed: Instruments | undefined;
}

/**
 * Creates what records spans and metrics, from the SDK that is registered at this moment.
 *
 * @see https://opentelemetry.io/docs/specs/semconv/messaging/messaging-metrics/
 */
export function createRecorders(): Recorders {
  const meter = metrics.getMeter(SCOPE);
  const isMeasured = meter !== createNoopMeter();
  const instruments = (duration: string, messages: string, what: string): Instruments => ({
    duration: meter.createHistogram(duration, {
      description: `How long it takes to ${what} a message`,
      unit: 's',
      advice: { explicitBucketBoundaries },
    }),
    messages: meter.createCounter(messages, {
      description: `The number of messages that the application tried to ${what}`,
      unit: '{message}',
    }),
  });
  return {
    tracer: trace.getTracer(SCOPE),
    sent: isMeasured
      ? instruments('messaging.client.operation.duration', 'messaging.client.sent.messages', 'send')
      : undefined,
    consumed: isMeasured
      ? instruments('messaging.process.duration', 'messaging.client.consumed.messages', 'process')
      : undefined,
  };
}

/** Records one message; `durationMs` is in milliseconds. */
export function record(
  { duration, messages }: Instruments,
  durationMs: number,
  attributes: Attributes,
): void {
  duration.record(durationMs / 1_000, attributes);
  messages.add(1, attributes);
}
