import { context } from '@opentelemetry/api';
import { isPromise } from 'node:util/types';
import { InvalidOptionError } from '../errors.js';
import type { PubSubMessage } from '../module/message-observer.js';
import { checkName } from '../options/option-checks.js';
import { withoutText } from '../shared/clean-error.js';
import { toError } from '../shared/to-error.js';
import { createRecorders } from './instruments.js';
import { resolveTracingOptions, type PubSubTracingOptions } from './options.js';
import { Processing, ProcessSpans, traceOf } from './process-spans.js';
import { hasSdk } from './sdk.js';

/** How {@link traced} traces and measures messages. */
export interface TracedOptions extends PubSubTracingOptions {
  /**
   * A name for the span and the metrics that is the same for many channels, such as `user.:id`.
   *
   * @defaultValue none: the name of the span is `process`
   */
  readonly template?: string;
}

/**
 * Runs a handler of `RedisPubSubService#subscribe`, or a subscriber of `observe`, in a span for each message. It
 * continues the trace of the publisher: `pubsub.subscribe('order.created', traced((message) => …))`. What the handler
 * returns, throws or rejects with stays as it is.
 *
 * Without an SDK at this call it returns the handler itself.
 *
 * @throws InvalidOptionError for a wrong option, or a handler that is no function
 */
export function traced<T, R>(
  handler: (message: PubSubMessage<T>) => R,
  { template, ...options }: TracedOptions = {},
): (message: PubSubMessage<T>) => R {
  if (typeof handler !== 'function') {
    throw new InvalidOptionError('handler', 'a function', withoutText(handler));
  }
  if (template !== undefined) checkName('template', template);
  const resolved = resolveTracingOptions(options);
  if (!hasSdk()) return handler;
  const spans = new ProcessSpans(createRecorders(), resolved);
  return (message) => {
    const begun = spans.begin({ headers: message.headers, template });
    if (!begun) return handler(message);
    const processing = new Processing(spans, begun);
    processing.onHandle(traceOf(message));
    let result: R;
    try {
      result = context.with(begun.context, () => handler(message));
    } catch (error) {
      processing.endWith(toError(error));
      throw error;
    }
    if (isPromise(result)) {
      const failed = (error: unknown): void => processing.endWith(toError(error));
      result.then(() => processing.endWith(undefined), failed);
    } else {
      processing.endWith(undefined);
    }
    return result;
  };
}
