import type { DynamicModule } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';

/** Whether traces are sent: where the variable of OpenTelemetry names a receiver. */
const isTraced = Boolean(process.env.OTEL_EXPORTER_OTLP_ENDPOINT);

/** The modules that trace a service; none where no receiver is named. OpenTelemetry is loaded only then. */
export async function tracingOf(service: string): Promise<DynamicModule[]> {
  if (!isTraced) return [];
  const { TracingModule } = await import('./tracing.module.js');
  return [TracingModule.start(service)];
}

/**
 * Traces the HTTP requests of a service. With `continues` a request goes on with the trace of its caller; a browser must
 * not choose the trace.
 */
export async function traceRequests(
  app: NestExpressApplication,
  { continues = false } = {},
): Promise<void> {
  if (!isTraced) return;
  const { createHttpSpans } = await import('./http-spans.js');
  app.use(createHttpSpans(continues));
}
