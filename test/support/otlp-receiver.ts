import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';

/** The numbers of kinds in OTLP, which are not those of the API. */
const KINDS = ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer'] as const;

/** An attribute in OTLP/JSON. */
interface KeyValue {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}

/** A span in OTLP/JSON. */
interface OtlpSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly attributes: readonly KeyValue[];
}

interface ExportRequest {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly KeyValue[] };
    readonly scopeSpans: readonly { readonly spans: readonly OtlpSpan[] }[];
  }[];
}

/** A span that was received. */
export interface ReceivedSpan {
  readonly traceId: string;
  readonly id: string;
  readonly parentId: string | undefined;
  readonly name: string;
  readonly kind: (typeof KINDS)[number];
  /** The `service.name` of the process. */
  readonly service: unknown;
  readonly attributes: Readonly<Record<string, unknown>>;
}

/**
 * Receives spans over HTTP, as the collector of OpenTelemetry does: `POST /v1/traces` with OTLP/JSON.
 *
 * @see https://opentelemetry.io/docs/specs/otlp/#otlphttp
 */
export class OtlpReceiver {
  readonly spans: ReceivedSpan[] = [];
  readonly #server = createServer((request, response) => void this.#answer(request, response));

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async start(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  async stop(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const isTraces = request.method === 'POST' && request.url === '/v1/traces';
    if (!isTraces || request.headers['content-type'] !== 'application/json') {
      response.writeHead(415).end();
      return;
    }
    this.#add((await json(request)) as ExportRequest);
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
  }

  #add({ resourceSpans }: ExportRequest): void {
    for (const { resource, scopeSpans } of resourceSpans) {
      const { 'service.name': service } = toObject(resource.attributes);
      for (const span of scopeSpans.flatMap(({ spans }) => spans)) {
        const { traceId, spanId: id, parentSpanId, name, kind, attributes } = span;
        this.spans.push({
          traceId,
          id,
          parentId: parentSpanId === '' ? undefined : parentSpanId,
          name,
          kind: KINDS[kind] ?? 'unspecified',
          service,
          attributes: toObject(attributes),
        });
      }
    }
  }
}

/** A trace as text: a line for each span below that of its parent, in the order of the lines. */
export function drawTrace(
  spans: readonly ReceivedSpan[],
  parentId?: string,
  indent = '',
): string[] {
  return spans
    .filter((span) => span.parentId === parentId)
    .map((span) => [
      `${indent}${span.name} (${String(span.service)}, ${span.kind})`,
      ...drawTrace(spans, span.id, `${indent}  `),
    ])
    .toSorted((one, other) => one.join().localeCompare(other.join()))
    .flat();
}

function toObject(attributes: readonly KeyValue[]): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}
