import type { OutgoingMessage } from '../codec/codec.js';
import { byteLengthOf, isLate, type OutgoingPayload } from '../shared/payload.js';
import { toError } from '../shared/to-error.js';
import { publishTracing, telemetry, type PublishTrace } from '../telemetry.js';
import { requestIdOf } from './request-id.js';

/** A message on its way to Redis. */
export interface PublishedMessage {
  /** The option `name` of its module, server or client. */
  readonly transport: string;
  /** Redis' name of the channel, prefix included. */
  readonly channel: string;
  readonly payload: OutgoingPayload;
  /** What the payload was made of; absent for a reply and a cancellation. */
  readonly message?: OutgoingMessage | undefined;
  /** The id of the message, unless it gets one when it is sent. */
  readonly messageId?: string | undefined;
}

/** Whether telemetry observes what is published. Check it before {@link tracePublish}. */
export function isPublishTraced(): boolean {
  return telemetry.publish.hasSubscribers || publishTracing.hasSubscribers;
}

/** Publishes a message, and reports it to telemetry. Returns what `publish` returns, which must not throw. */
export function tracePublish(
  { transport, channel, payload, message, messageId }: PublishedMessage,
  publish: () => Promise<number>,
): Promise<number> {
  const trace: PublishTrace = {
    transport,
    channel,
    bytes: byteLengthOf(payload),
    ...(message && detailsOf(message)),
    ...(messageId !== undefined && { messageId }),
  };
  const start = performance.now();
  return publishTracing.start.runStores(trace, () => {
    const published = publish();
    published.then(
      (receivers) => {
        trace.receivers = receivers;
        if (isLate(payload) && payload.id !== undefined) trace.messageId = payload.id;
        report(trace, start);
      },
      (thrown: unknown) => {
        trace.error = toError(thrown);
        report(trace, start);
      },
    );
    publishTracing.end.publish(trace);
    return published;
  });
}

/** Reports a message that failed before it went to Redis to the tracing channel. Check that it has subscribers. */
export function traceUnsent(
  { transport, channel, message }: Omit<PublishedMessage, 'payload'>,
  thrown: unknown,
): void {
  const details = message && detailsOf(message);
  const trace: PublishTrace = { transport, channel, bytes: 0, ...details };
  publishTracing.start.runStores(trace, () => publishTracing.end.publish(trace));
  trace.error = toError(thrown);
  trace.duration = 0;
  publishTracing.error.publish(trace);
  publishTracing.asyncStart.publish(trace);
  publishTracing.asyncEnd.publish(trace);
}

function detailsOf(message: OutgoingMessage): Pick<PublishTrace, 'headers' | 'requestId'> {
  const { metadata: headers } = message;
  const requestId = requestIdOf(message);
  return { ...(headers && { headers }), ...(requestId !== undefined && { requestId }) };
}

function report(trace: PublishTrace, start: number): void {
  const { transport, channel, receivers, error } = trace;
  trace.duration = performance.now() - start;
  if (error) publishTracing.error.publish(trace);
  publishTracing.asyncStart.publish(trace);
  publishTracing.asyncEnd.publish(trace);
  if (!telemetry.publish.hasSubscribers) return;
  telemetry.publish.publish(
    error ? { transport, channel, error } : { transport, channel, receivers: receivers ?? 0 },
  );
}
