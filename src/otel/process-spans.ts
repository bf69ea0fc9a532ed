import {
  context,
  createContextKey,
  propagation,
  SpanKind,
  trace,
  type Attributes,
  type Context,
  type Link,
  type Span,
  type SpanOptions,
} from '@opentelemetry/api';
import type { Headers } from '../codec/codec.js';
import type { PubSubMessage } from '../module/message-observer.js';
import type { HandleTrace } from '../telemetry.js';
import type { RedisPubSubContext } from '../transport/redis-pubsub.context.js';
import type { RedisPubSubServer } from '../transport/server/redis-pubsub.server.js';
import { ATTRIBUTE, headerAttributes, PROCESS } from './attributes.js';
import { record, type Recorders } from './instruments.js';
import type { ResolvedTracingOptions } from './options.js';
import { markFailed, recordFailure, reportFault } from './outcome.js';
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

/** What is the same for all messages of a template. */
interface Kind {
  readonly name: string;
  readonly attributes: Attributes;
}

/** A span that has begun. */
interface Begun {
  readonly span: Span;
  /** The context for the handler. */
  readonly context: Context;
  readonly headers: Headers;
  readonly attributes: Attributes;
}

/** Begins spans for messages that are handled. */
export class ProcessSpans {
  readonly keepsContext = hasContextManager();
  readonly #kinds = new Map<string | undefined, Kind>();

  constructor(
    readonly recorders: Recorders,
    readonly options: ResolvedTracingOptions,
  ) {}

  /** Begins a span in the context that the headers have, or beside it. `undefined` if that fails. Never throws. */
  begin(message: ReceivedMessage): Begun | undefined {
    try {
      return this.#begin(message);
    } catch (error) {
      reportFault(error);
      return undefined;
    }
  }

  /** Whether the end of a message is recorded: not if a sampler left it out, and there are no metrics. */
  isRecorded({ span }: Begun): boolean {
    return this.recorders.consumed !== undefined || span.isRecording();
  }

  #begin({ headers, template }: ReceivedMessage): Begun {
    const { relation, captureHeaders } = this.options;
    const outer = context.active();
    const sent = propagation.extract(outer, headers);
    const { name, attributes } = this.#kindOf(template);
    const options: SpanOptions = { kind: SpanKind.CONSUMER, attributes };
    let parent = sent;
    if (relation === 'link') {
      parent = withSpanOf(outer, sent);
      options.links = linksTo(sent, outer);
    }
    const span = this.recorders.tracer.startSpan(name, options, parent);
    if (captureHeaders.length > 0 && span.isRecording()) {
      span.setAttributes(headerAttributes(captureHeaders, headers));
    }
    return { span, context: trace.setSpan(parent, span), headers, attributes };
  }

  #kindOf(template: string | undefined): Kind {
    let kind = this.#kinds.get(template);
    if (!kind) {
      kind =
        template === undefined
          ? { name: 'process', attributes: PROCESS }
          : {
              name: `process ${template}`,
              attributes: { ...PROCESS, [ATTRIBUTE.destinationTemplate]: template },
            };
      this.#kinds.set(template, kind);
    }
    return kind;
  }
}

/** What {@link Processing} reads of the trace of a handler. */
type HandledMessage = Pick<
  HandleTrace,
  'channel' | 'duration' | 'error' | 'headers' | 'messageId' | 'requestId'
>;

/** The span of a message that is being handled. */
export class Processing {
  readonly #owner: ProcessSpans;
  readonly #begun: Begun;
  readonly #startedAt = performance.now();
  #isHandled = false;
  #trace: HandledMessage | undefined;

  constructor(owner: ProcessSpans, begun: Begun) {
    this.#owner = owner;
    this.#begun = begun;
  }

  /** A context for the handler, from which its trace leads here. */
  get context(): Context {
    return this.#begun.context.setValue(PROCESSING, this);
  }

  /** A handler begins in this context: that of the message, or of an observer that was opened in it. */
  onHandle(started: HandledMessage): void {
    const { headers, span } = this.#begun;
    if (this.#isHandled || started.headers !== headers) return;
    this.#isHandled = true;
    this.#trace = started;
    if (!span.isRecording()) return;
    span.setAttribute(ATTRIBUTE.destinationName, started.channel);
    const { messageId, requestId } = started;
    if (messageId !== undefined) span.setAttribute(ATTRIBUTE.messageId, messageId);
    if (requestId !== undefined) span.setAttribute(ATTRIBUTE.conversationId, requestId);
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
      type === undefined ? attributes : { ...attributes, [ATTRIBUTE.errorType]: type },
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
  const process = (message: RedisPubSubContext, done: Done): Promise<void> => {
    if (!isTraced) return done();
    const begun = spans.begin({ headers: message.getHeaders(), template: message.getPattern() });
    if (!begun) return done();
    if (!spans.isRecorded(begun)) return context.with(begun.context, done);
    return handle(new Processing(spans, begun), done);
  };
  // The server waits for the promise, although Nest's type does not say so.
  const hook = (_transport: unknown, message: unknown, done: Done): unknown =>
    process(message as RedisPubSubContext, done);
  server.setOnProcessingStartHook(hook as Parameters<typeof server.setOnProcessingStartHook>[0]);
  return () => {
    isTraced = false;
    release();
  };
}

async function handle(processing: Processing, done: Done): Promise<void> {
  starting = processing;
  const handled = context.with(processing.context, done);
  starting = undefined;
  await handled;
  processing.end();
}

/** A link to the span that the headers have, if they have one. */
function linksTo(sent: Context, outer: Context): Link[] {
  const creation = trace.getSpanContext(sent);
  return creation && creation !== trace.getSpanContext(outer) ? [{ context: creation }] : [];
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
export function traceOf(
  message: Pick<PubSubMessage, 'channel' | 'headers' | 'id'>,
): HandledMessage {
  const { channel, headers, id } = message;
  if (called?.headers === headers && called.channel.endsWith(channel)) return called;
  return { channel, headers, ...(id !== undefined && { messageId: id }) };
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
