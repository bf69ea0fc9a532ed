import { Controller, Module, Post, type MiddlewareConsumer, type NestModule } from '@nestjs/common';
import { SpanKind, trace } from '@opentelemetry/api';
import type { Sampler } from '@opentelemetry/sdk-trace-node';
import type { NextFunction, Request, Response } from 'express';
import {
  RedisPubSubClient,
  RedisPubSubModule,
  type RedisPubSubModuleOptions,
} from 'nestjs-redis-pubsub';
import { PubSubTracingModule, type PubSubTracingOptions } from 'nestjs-redis-pubsub/otel';
import type { Type } from '@nestjs/common';
import { closeAfterTest } from '../../support/app.js';
import { TestTelemetry } from '../../support/open-telemetry.js';
import { startContext, startHttpApp } from '../module/apps.js';

/** Registers the SDK until the test ends. */
export function startTelemetry(sampler?: Sampler): TestTelemetry {
  const telemetry = new TestTelemetry(sampler);
  closeAfterTest(() => telemetry.stop());
  return telemetry;
}

/** A service that handles messages with a provider of this class; closed after the test. */
export async function startTraced(
  handlers: Type | undefined,
  options: RedisPubSubModuleOptions,
  tracing?: PubSubTracingOptions,
  providers: readonly Type[] = [],
) {
  const { app, log } = await startContext({
    imports: [RedisPubSubModule.forRoot(options), PubSubTracingModule.forRoot(tracing)],
    providers: [...(handlers ? [handlers] : []), ...providers],
  });
  return { app, log, client: app.get(RedisPubSubClient) };
}

/** Runs each request in a span, as the instrumentation of HTTP does. */
function httpSpan(request: Request, response: Response, next: NextFunction): void {
  const kind = SpanKind.SERVER;
  trace.getTracer('http').startActiveSpan(`HTTP ${request.method}`, { kind }, (span) => {
    response.once('close', () => span.end());
    next();
  });
}

/** An application that answers an HTTP request with what `answer` makes of it; closed after the test. */
export async function startTracedHttp(
  options: RedisPubSubModuleOptions,
  answer: (client: RedisPubSubClient) => unknown,
): Promise<() => Promise<unknown>> {
  @Controller()
  class Requests {
    constructor(private readonly client: RedisPubSubClient) {}

    @Post()
    request() {
      return answer(this.client);
    }
  }

  @Module({
    imports: [RedisPubSubModule.forRoot(options), PubSubTracingModule.forRoot()],
    controllers: [Requests],
  })
  class Gateway implements NestModule {
    configure(consumer: MiddlewareConsumer) {
      consumer.apply(httpSpan).forRoutes(Requests);
    }
  }

  const { app } = await startHttpApp({ imports: [Gateway] });
  const url = await app.getUrl();
  return async () => {
    const response = await fetch(url, { method: 'POST' });
    return response.json();
  };
}
