import {
  context,
  createContextKey,
  createNoopMeter,
  metrics,
  ProxyTracerProvider,
  ROOT_CONTEXT,
  trace,
  type TracerProvider,
} from '@opentelemetry/api';

const PROBE = createContextKey('nestjs-redis-pubsub probe');

/** Whether an SDK for traces, metrics or contexts is registered at this moment. Without one the API does nothing. */
export function hasSdk(): boolean {
  return hasTracerProvider() || hasMeterProvider() || hasContextManager();
}

function hasTracerProvider(): boolean {
  const none = new ProxyTracerProvider().getDelegate();
  const provider: TracerProvider & Partial<ProxyTracerProvider> = trace.getTracerProvider();
  return (provider.getDelegate?.() ?? provider) !== none;
}

function hasMeterProvider(): boolean {
  return metrics.getMeter('nestjs-redis-pubsub') !== createNoopMeter();
}

/** Whether a context that is set for a handler reaches it. */
export function hasContextManager(): boolean {
  const probed = ROOT_CONTEXT.setValue(PROBE, true);
  return context.with(probed, () => context.active().getValue(PROBE) === true);
}
