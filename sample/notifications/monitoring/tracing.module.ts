import { Module, type DynamicModule, type OnApplicationShutdown } from '@nestjs/common';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { PubSubTracingModule } from 'nestjs-redis-pubsub/otel';
import { instanceOf } from '../process/instance.js';

let provider: NodeTracerProvider | undefined;

/** Traces the messages of a service. The last spans are sent when it stops. */
@Module({ imports: [PubSubTracingModule.forRoot()] })
export class TracingModule implements OnApplicationShutdown {
  /** Starts the SDK of OpenTelemetry, which reads OTEL_EXPORTER_OTLP_ENDPOINT and its other variables. */
  static start(service: string): DynamicModule {
    provider = new NodeTracerProvider({
      resource: resourceFromAttributes({
        'service.name': service,
        'service.instance.id': instanceOf(service),
      }),
      spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())],
    });
    provider.register();
    return { module: TracingModule };
  }

  async onApplicationShutdown(): Promise<void> {
    // A receiver that is away must not fail the shutdown.
    await provider?.shutdown().catch(() => undefined);
  }
}
