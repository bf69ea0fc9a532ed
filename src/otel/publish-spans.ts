import type { ReadPacket } from '@nestjs/microservices';
import { context, propagation, SpanKind, trace, type Span } from '@opentelemetry/api';
import type { Headers } from '../codec/codec.js';
import type { PublishTrace } from '../telemetry.js';
import type { RedisPubSubClient } from '../transport/client/redis-pubsub.client.js';
import { ATTRIBUTE, headerAttributes, PUBLISH } from './attributes.js';
import { record, type Recorders } from './instruments.js';
import type { ResolvedTracingOptions } from './options.js';
import { recordFailure, reportFault } from './outcome.js';
import { SharedListeners } from './shared-listeners.js';

/**
 * Leads from the headers of a message to its span. Codecs leave out a symbol, copies with a spread keep it, and each
 * copy of this package has its own.
 */
const SENDING = Symbol('nestjs-redis-pubsub.sending');

/** A packet as Nest 12 has it. */
interface Packet extends ReadPacket {
  metadata?: Headers;
}

/** The span of a message that is being published. */
class Sending {
  constructor(
    private readonly span: Span,
    private readonly recorders: Recorders,
    private readonly options: ResolvedTracingOptions,
  ) {}

  begin({ channel, requestId, headers }: PublishTrace): void {
    const { span } = this;
    if (!span.isRecording()) return;
    span.setAttribute(ATTRIBUTE.destinationName, channel);
    if (requestId !== undefined) span.setAttribute(ATTRIBUTE.conversationId, requestId);
    const { captureHeaders } = this.options;
    if (captureHeaders.length > 0 && headers) {
      span.setAttributes(headerAttributes(captureHeaders, headers));
    }
  }

  end({ error, duration = 0 }: PublishTrace): void {
    const type = error && recordFailure(this.span, error, this.options);
    this.span.end();
    const { sent } = this.recorders;
    if (sent)
      record(
        sent,
        duration,
        type === undefined ? PUBLISH : { ...PUBLISH, [ATTRIBUTE.errorType]: type },
      );
  }
}

/** Begins a span for each message of a client, and puts its context into the headers. Returns a function that ends that. */
export function traceClient(
  client: RedisPubSubClient,
  recorders: Recorders,
  options: ResolvedTracingOptions,
): () => void {
  const release = listeners.use();
  let isTraced = true;
  const dispatch = (packet: Packet): void => {
    const { tracer, sent } = recorders;
    const span = tracer.startSpan('publish', { kind: SpanKind.PRODUCER, attributes: PUBLISH });
    const metadata: Record<string | symbol, unknown> = { ...packet.metadata };
    propagation.inject(trace.setSpan(context.active(), span), metadata);
    // A span that a sampler left out has no end that is recorded.
    if (sent || span.isRecording()) metadata[SENDING] = new Sending(span, recorders, options);
    packet.metadata = metadata as Headers;
  };
  client.setOnDispatchHook((packet) => {
    if (!isTraced) return;
    try {
      dispatch(packet);
    } catch (error) {
      reportFault(error);
    }
  });
  return () => {
    isTraced = false;
    release();
  };
}

function sendingOf(message: unknown): Sending | undefined {
  const { headers } = message as PublishTrace;
  return (headers as { readonly [SENDING]?: Sending } | undefined)?.[SENDING];
}

/** They give a span the trace of its message. */
const listeners = new SharedListeners({
  'tracing:nestjs-redis-pubsub:publish:start': (message) =>
    sendingOf(message)?.begin(message as PublishTrace),
  'tracing:nestjs-redis-pubsub:publish:asyncEnd': (message) =>
    sendingOf(message)?.end(message as PublishTrace),
});
