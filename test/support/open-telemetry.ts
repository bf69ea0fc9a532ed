import {
  context,
  metrics,
  propagation,
  trace,
  type Attributes,
  type Meter,
  type MetricOptions,
} from '@opentelemetry/api';
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  SimpleSpanProcessor,
  type ReadableSpan,
  type Sampler,
} from '@opentelemetry/sdk-trace-node';
import { eventually } from './eventually.js';

/** A span by its name and its children, so that traces can be compared. */
export interface Tree {
  readonly name: string;
  readonly children: readonly Tree[];
}

/** The trees of spans, the children of each in the order of their names. */
export function treesOf(spans: readonly ReadableSpan[]): Tree[] {
  const ids = new Set(spans.map((span) => span.spanContext().spanId));
  const isRoot = ({ parentSpanContext: parent }: ReadableSpan) =>
    !parent || !ids.has(parent.spanId);
  const treeOf = (span: ReadableSpan): Tree => ({
    name: span.name,
    children: spans
      .filter((it) => it.parentSpanContext?.spanId === span.spanContext().spanId)
      .map(treeOf)
      .toSorted((one, other) => one.name.localeCompare(other.name)),
  });
  return spans.filter(isRoot).map(treeOf);
}

/** The SDK of OpenTelemetry with an exporter that keeps spans in memory. */
export class TestTelemetry {
  readonly exporter = new InMemorySpanExporter();
  readonly #provider: NodeTracerProvider;

  /** Registers it for the process, until {@link stop}. */
  constructor(sampler?: Sampler) {
    const spanProcessors = [new SimpleSpanProcessor(this.exporter)];
    this.#provider = new NodeTracerProvider({ spanProcessors, ...(sampler && { sampler }) });
    this.#provider.register();
  }

  /** Waits until exactly this many spans have ended. */
  async spans(count: number): Promise<ReadableSpan[]> {
    await eventually(() => this.exporter.getFinishedSpans().length >= count);
    const ended = this.exporter.getFinishedSpans();
    if (ended.length === count) return ended;
    throw new Error(`Expected ${count} spans, got: ${ended.map(({ name }) => name).join(', ')}`);
  }

  async stop(): Promise<void> {
    await this.#provider.shutdown();
    for (const api of [trace, context, propagation]) api.disable();
  }
}

/** One value that an instrument got. */
export interface Measurement {
  readonly instrument: string;
  readonly unit: string | undefined;
  readonly value: number;
  readonly attributes: Attributes;
}

/** Registers a provider for metrics that keeps each value, until {@link metrics.disable}. */
export function recordMetrics(): Measurement[] {
  const seen: Measurement[] = [];
  const instrument = (name: string, { unit }: MetricOptions = {}) => {
    const record = (value: number, attributes: Attributes = {}): void => {
      seen.push({ instrument: name, unit, value, attributes });
    };
    return { record, add: record };
  };
  const meter = { createHistogram: instrument, createCounter: instrument } as unknown as Meter;
  metrics.setGlobalMeterProvider({ getMeter: () => meter });
  return seen;
}
