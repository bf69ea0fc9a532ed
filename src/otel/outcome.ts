import { diag, SpanStatusCode, type Span } from '@opentelemetry/api';
import { ATTRIBUTE } from './attributes.js';
import { typeOfError, type ResolvedTracingOptions } from './options.js';

const diagnostics = diag.createComponentLogger({ namespace: 'nestjs-redis-pubsub' });

/** Marks the span of what failed. Returns the `error.type`, or `undefined` if the failure is no error. */
export function recordFailure(
  span: Span,
  error: Error,
  { classifyError }: ResolvedTracingOptions,
): string | undefined {
  const type = typeOf(error, classifyError);
  if (type !== undefined) {
    span.recordException(error);
    markFailed(span, type);
  }
  return type;
}

/** Gives a span the status of an error, for which there is no exception. */
export function markFailed(span: Span, type: string): void {
  span.setAttribute(ATTRIBUTE.errorType, type);
  span.setStatus({ code: SpanStatusCode.ERROR });
}

/** Tells OpenTelemetry's own logger: no message fails by its trace. */
export function reportFault(error: unknown): void {
  diagnostics.error('Tracing a message failed', error);
}

function typeOf(
  error: Error,
  classifyError: ResolvedTracingOptions['classifyError'],
): string | undefined {
  try {
    return classifyError(error);
  } catch (fault) {
    reportFault(fault);
    return typeOfError(error);
  }
}
