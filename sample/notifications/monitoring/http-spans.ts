import { context, propagation, ROOT_CONTEXT, SpanKind, trace } from '@opentelemetry/api';
import type { NextFunction, Request, Response } from 'express';

/** Middleware that runs each request in a span. With `continues` it is below the span that the headers name. */
export function createHttpSpans(continues: boolean) {
  const tracer = trace.getTracer('notifications-sample');
  return (request: Request, response: Response, next: NextFunction): void => {
    // A stream lasts for hours, and its span would be sent at its end.
    if (request.headers.accept === 'text/event-stream') {
      next();
      return;
    }
    const { method, path } = request;
    const parent = continues ? propagation.extract(ROOT_CONTEXT, request.headers) : ROOT_CONTEXT;
    const options = {
      kind: SpanKind.SERVER,
      attributes: { 'http.request.method': method, 'url.path': path },
    };
    tracer.startActiveSpan(`HTTP ${method}`, options, parent, (span) => {
      // The proxy passes the headers on to the activity service.
      propagation.inject(context.active(), request.headers);
      response.once('close', () => {
        span.setAttribute('http.response.status_code', response.statusCode);
        span.end();
      });
      next();
    });
  };
}
