import type { ReadPacket } from '@nestjs/microservices';
import { context, propagation, SpanKind, trace, type Span } from '@opentelemetry/api';
import type { Headers } from '../codec/codec.js';
import type { PublishTrace } from '../telemetry.js';
import type { RedisPubSubClient } from '../transport/client/redis-pubsub.client.js';
import { ATTRIBUTE, headerAttributes, PUBLISH } from './attributes.js';
import { record, type Recorders } from './instruments.js';
import type { ResolvedTracingOptions } from './options.js';
import { markFailed, recordFailure, reportFault } from './outcome.js';
import { SharedListeners } from './shared-listeners.js';

/**
 * Leads from the headers of a message to its span. Codecs leave out a symbol, copies with a spread keep it, and each
 * copy of this package has its own.
 */
const SENDING = Symbol('nestjs-redis-pubsub.sending');

/** The `error.type` of a message that has no trace: a dispatch hook failed it, or replaced its headers. */
const UNSENT = 'unsent';

/** A packet as Nest 12 has it. A request has an id as soon as it waits for its inbox, or is published. */
interface Packet extends ReadPacket {
  metadata?: Headers;
  readonly id?: unknown;
}

/** The span of a message that is being published. */
class Sending {
  readonly #span: Span;
  readonly #recorders: Recorders;
  readonly #options: ResolvedTracingOptions;
  #hasBegun = false;

  constructor(span: Span, recorders: Recorders, options: ResolvedTracingOptions) {
    this.#span = span;
    this.#recorders = recorders;
    this.#options = options;
  }

  begin({ channel, requestId, headers }: PublishTrace): void {
    const span = this.#span;
    this.#hasBegun = true;
    if (!span.isRecording()) return;
    span.setAttribute(ATTRIBUTE.destinationName, channel);
    if (requestId !== undefined) span.setAttribute(ATTRIBUTE.conversationId, requestId);
    const { captureHeaders } = this.#options;
    if (captureHeaders.length > 0 && headers) {
      span.setAttributes(headerAttributes(captureHeaders, headers));
    }
  }

  end({ error, duration = 0, messageId }: PublishTrace): void {
    // A message that waited for the connection got its id when it was sent.
    if (messageId !== undefined) this.#span.setAttribute(ATTRIBUTE.messageId, messageId);
    this.#end(duration, error && recordFailure(this.#span, error, this.#options));
  }

  /** The tick of the call is over. An event is on its way now, or has failed; a request with an id has a trace later. */
  endUnlessSent({ id }: Packet): void {
    if (this.#hasBegun || id !== undefined) return;
    markFailed(this.#span, UNSENT);
    this.#end(0, UNSENT);
  }

  #end(durationMs: number, type: string | undefined): void {
    this.#span.end();
    const { sent } = this.#recorders;
    const attributes = type === undefined ? PUBLISH : { ...PUBLISH, [ATTRIBUTE.errorType]: type };
    if (sent) record(sent, durationMs, attributes);
  }
}

/** The messages of this tick. */
let dispatched: { readonly sending: Sending; readonly packet: Packet }[] = [];

function endUnsent(): void {
  const all = dispatched;
  dispatched = [];
  for (const { sending, packet } of all) sending.endUnlessSent(packet);
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
    if (sent || span.isRecording()) {
      const sending = new Sending(span, recorders, options);
      metadata[SENDING] = sending;
      if (dispatched.push({ sending, packet }) === 1) process.nextTick(endUnsent);
    }
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
