import {
  context,
  createContextKey,
  propagation,
  SpanKind,
  trace,
  type Attributes,
  type Context,
  type Span,
} from '@opentelemetry/api';
import type { Headers } from '../codec/codec.js';
import type { PubSubMessage } from '../module/message-observer.js';
import type { HandleTrace } from '../telemetry.js';
import type { RedisPubSubContext } from '../transport/redis-pubsub.context.js';
import type { RedisPubSubServer } from '../transport/server/redis-pubsub.server.js';
import {
  CONVERSATION_ID,
  DESTINATION_NAME,
  DESTINATION_TEMPLATE,
  ERROR_TYPE,
  headerAttributes,
  PROCESS,
} from './attributes.js';
import { record, type Recorders } from './instruments.js';
import type { ResolvedTracingOptions } from './options.js';
import { markFailed, recordFailure, safely } from './outcome.js';
import { hasContextManager } from './sdk.js';
import { SharedListeners } from './shared-listeners.js';

/** Handles the message that a start hook was called for. */
type Done = () => Promise<void>;

const PROCESSING = createContextKey('nestjs-redis-pubsub processing');

/** The `error.type` of a message that did not reach its handler: another hook left it out, or the service closes. */
const UNHANDLED = 'unhandled';

/** A message to handle. Without a `template` its destination is unbounded, and stays out of names and metrics. */
export interface ReceivedMessage {
  readonly headers: Headers;
  readonly template: string | undefined;
}

/** Begins spans for messages that are handled. */
export class ProcessSpans {
  /** One object for all messages of a template. */
  readonly #attributes = new Map<string | undefined, Attributes>();
  readonly keepsContext = hasContextManager();

  constructor(
    readonly recorders: Recorders,
    readonly options: ResolvedTracingOptions,
  ) {}

  /** Begins a span in the context that the headers have, or beside it. */
  begin({ headers, template }: ReceivedMessage): Processing {
    const { relation, captureHeaders } = this.options;
    const outer = context.active();
    const sent = propagation.extract(outer, headers);
    const isLinked = relation === 'link';
    const creation = isLinked ? linkTo(sent, outer) : undefined;
    const parent = isLinked ? withSpanOf(outer, sent) : sent;
    const attributes = this.#attributesOf(template);
    const span = this.recorders.tracer.startSpan(
      template === undefined ? 'process' : `process ${template}`,
      { kind: SpanKind.CONSUMER, attributes, links: creation ? [{ context: creation }] : [] },
      parent,
    );
    if (captureHeaders.length > 0 && span.isRecording()) {
      span.setAttributes(headerAttributes(captureHeaders, headers));
    }
    return new Processing(this, { headers, span, attributes, parent });
  }

  #attributesOf(template: string | undefined): Attributes {
    if (template === undefined) return PROCESS;
    let attributes = this.#attributes.get(template);
    if (!attributes) {
      attributes = { ...PROCESS, [DESTINATION_TEMPLATE]: template };
      this.#attributes.set(template, attributes);
    }
    return attributes;
  }
}

/** What {@link ProcessSpans} knows of a span. */
interface Begun {
  readonly headers: Headers;
  readonly span: Span;
  readonly attributes: Attributes;
  readonly parent: Context;
}

/** What {@link Processing} reads of the trace of a handler. */
type HandledMessage = Pick<HandleTrace, 'channel' | 'duration' | 'error' | 'headers' | 'requestId'>;

/** The span of a message that is being handled. */
class Processing {
  /** The context for the handler. */
  readonly context: Context;
  readonly #owner: ProcessSpans;
  readonly #begun: Begun;
  readonly #startedAt = performance.now();
  #isHandled = false;
  #trace: HandledMessage | undefined;

  constructor(owner: ProcessSpans, begun: Begun) {
    this.#owner = owner;
    this.#begun = begun;
    this.context = trace.setSpan(begun.parent, begun.span).setValue(PROCESSING, this);
  }

  /** A handler begins in this context: that of the message, or of an observer that was opened in it. */
  onHandle(started: HandledMessage): void {
    const { headers, span } = this.#begun;
    if (this.#isHandled || started.headers !== headers) return;
    this.#isHandled = true;
    this.#trace = started;
    if (!span.isRecording()) return;
    span.setAttribute(DESTINATION_NAME, started.channel);
    const { requestId } = started;
    if (requestId !== undefined) span.setAttribute(CONVERSATION_ID, requestId);
  }

  /** The message is handled, as the trace of its handler says. */
  end(): void {
    const handled = this.#trace;
    // What is created in the context keeps it, and must not keep the message.
    this.#trace = undefined;
    if (!handled && this.#owner.keepsContext) {
      markFailed(this.#begun.span, UNHANDLED);
      this.#begun.span.end();
      return;
    }
    this.endWith(handled?.error, handled?.duration);
  }

  /** The message is handled, with this error or without. */
  endWith(error: Error | undefined, durationMs = performance.now() - this.#startedAt): void {
    const { span, attributes } = this.#begun;
    const { recorders, options } = this.#owner;
    const type = error && recordFailure(span, error, options);
    span.end();
    const { consumed } = recorders;
    if (!consumed) return;
    record(
      consumed,
      durationMs,
      type === undefined ? attributes : { ...attributes, [ERROR_TYPE]: type },
    );
  }
}

/** Handles each message of a server in the context of a span. Returns a function that ends that. */
export function traceServer(
  server: RedisPubSubServer,
  recorders: Recorders,
  options: ResolvedTracingOptions,
): () => void {
  const spans = new ProcessSpans(recorders, options);
  const release = listeners.use();
  let isTraced = true;
  const process = async (message: RedisPubSubContext, done: Done): Promise<void> => {
    const received = { headers: message.getHeaders(), template: message.getPattern() };
    const processing = safely(
      () => (isTraced ? spans.begin(received) : undefined),
      () => undefined,
    );
    if (!processing) return done();
    starting = processing;
    const handled = context.with(processing.context, done);
    starting = undefined;
    await handled;
    processing.end();
  };
  server.setOnProcessingStartHook((_transport, message, done) =>
    process(message as RedisPubSubContext, done),
  );
  return () => {
    isTraced = false;
    release();
  };
}

/** The span that the headers have, if there is one. */
function linkTo(sent: Context, outer: Context) {
  const creation = trace.getSpanContext(sent);
  return creation === trace.getSpanContext(outer) ? undefined : creation;
}

/** What the headers have, such as baggage, with the span of the context around it. */
function withSpanOf(outer: Context, sent: Context): Context {
  const span = trace.getSpan(outer);
  return span ? trace.setSpan(sent, span) : trace.deleteSpan(sent);
}

/** The message whose handler is being called. Where no contexts are kept, it is the one that has a trace next. */
let starting: Processing | undefined;

/** The trace of the handler or observer that is being called. */
let called: HandleTrace | undefined;

/** The trace of a message that an observer receives at this moment; what is known of it, at any other time. */
export function traceOf(message: Pick<PubSubMessage, 'channel' | 'headers'>): HandledMessage {
  const { channel, headers } = message;
  return called?.headers === headers && called.channel.endsWith(channel) ? called : message;
}

/** They give a span the trace of its handler. */
const listeners = new SharedListeners({
  'tracing:nestjs-redis-pubsub:handle:start': (message) => {
    called = message as HandleTrace;
    const processing = context.active().getValue(PROCESSING) as Processing | undefined;
    (processing ?? starting)?.onHandle(called);
  },
  'tracing:nestjs-redis-pubsub:handle:end': () => {
    called = undefined;
  },
});
