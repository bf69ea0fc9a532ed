import type { Type } from '@nestjs/common';
import { context, propagation, SpanStatusCode, trace } from '@opentelemetry/api';
import {
  InMemorySpanExporter,
  type NodeTracerProvider,
  type ReadableSpan,
  type SpanExporter,
} from '@opentelemetry/sdk-trace-node';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startPageApp } from '../../support/page-app.js';
import { loadPage } from '../../support/pages.js';
import { treesOf } from '../../support/open-telemetry.js';
import { eventually, useRedis } from '../../support/redis.js';

describe('operations/tracing', () => {
  const redis = useRedis();
  const exporter = new InMemorySpanExporter();
  let provider: NodeTracerProvider;
  let AppModule: Type;
  beforeAll(async () => {
    const page = loadPage('operations/tracing', (code) =>
      code.replaceAll('redis://localhost:6379', redis.url),
    );
    ({ AppModule } = await page.import<{ AppModule: Type }>('src/app.module.ts'));
    const { startTracing } = await page.import<{
      startTracing: (exporter: SpanExporter) => NodeTracerProvider;
    }>('src/tracing.ts');
    provider = startTracing(exporter);
  });
  beforeEach(() => exporter.reset());
  afterAll(async () => {
    await provider.shutdown();
    for (const api of [trace, context, propagation]) api.disable();
  });

  /** Waits until this many spans have ended. */
  async function spans(count: number): Promise<ReadableSpan[]> {
    await eventually(async () => {
      await provider.forceFlush();
      return exporter.getFinishedSpans().length === count;
    });
    return exporter.getFinishedSpans();
  }

  it('has one trace from an HTTP request through emit to the handlers of two instances', async () => {
    const one = await startPageApp(AppModule);
    await startPageApp(AppModule);
    await fetch(`${one.url}/orders/1`, { method: 'POST' });
    const ended = await spans(4);
    expect(new Set(ended.map((span) => span.spanContext().traceId)).size).toBe(1);
    const process = { name: 'process order.:event', children: [] };
    expect(treesOf(ended)).toEqual([
      { name: 'HTTP POST', children: [{ name: 'publish', children: [process, process] }] },
    ]);
    const published = ended.find(({ name }) => name === 'publish');
    expect(published?.attributes['messaging.destination.name']).toBe('order.created');
  });

  it('marks the span of a handler that fails, and no other', async () => {
    const { url } = await startPageApp(AppModule);
    await fetch(`${url}/orders/bad`, { method: 'POST' });
    const failed = (await spans(3)).filter(({ status }) => status.code === SpanStatusCode.ERROR);
    expect(failed.map(({ name }) => name)).toEqual(['process order.:event']);
    expect(failed[0]?.events[0]?.attributes).toMatchObject({
      'exception.message': 'This order cannot be handled',
    });
  });

  it('begins a new trace at a message without a context', async () => {
    await startPageApp(AppModule);
    await redis.client.publish('order.paid', '{"id":"1"}');
    expect(treesOf(await spans(1))).toEqual([{ name: 'process order.:event', children: [] }]);
  });

  it('adds as many bytes to a message as the page says', async () => {
    const { url } = await startPageApp(AppModule);
    const listener = redis.client.duplicate();
    const payloads: string[] = [];
    listener.on('message', (_, payload: string) => payloads.push(payload));
    await listener.subscribe('order.created');
    await fetch(`${url}/orders/1`, { method: 'POST' });
    await eventually(() => payloads.length === 1);
    listener.disconnect();
    const [payload = ''] = payloads;
    const { metadata, ...bare } = JSON.parse(payload) as { metadata: unknown };
    expect(metadata).toEqual({ traceparent: expect.stringMatching(/^00-/) });
    expect(payload.length - JSON.stringify(bare).length).toBe(85);
  });
});
