// A service in a process of its own, which sends its spans to an OTLP receiver. Arguments: <name> <options as JSON>
//
// The gateway answers HTTP requests; any other service handles messages.
import 'reflect-metadata';
import { createRequire } from 'node:module';
import { SpanKind, trace } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { registerInstrumentations } from '@opentelemetry/instrumentation';
import { IORedisInstrumentation } from '@opentelemetry/instrumentation-ioredis';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';

const [name, text] = process.argv.slice(2);
const { redis, collector, isInstrumented } = JSON.parse(text);

const exporter = new OTLPTraceExporter({ url: `${collector}/v1/traces` });
new NodeTracerProvider({
  resource: resourceFromAttributes({ 'service.name': name }),
  spanProcessors: [new BatchSpanProcessor(exporter, { scheduledDelayMillis: 10 })],
}).register();

if (isInstrumented) {
  registerInstrumentations({
    instrumentations: [new IORedisInstrumentation({ requireParentSpan: true })],
  });
  // It patches what is loaded with "require". The same module is what "import" gives then.
  createRequire(import.meta.url)('ioredis');
}

const { Controller, Module, Post } = await import('@nestjs/common');
const { NestFactory } = await import('@nestjs/core');
const { MessagePattern } = await import('@nestjs/microservices');
const { RedisPubSubClient, RedisPubSubModule, Subscribe } = await import('nestjs-redis-pubsub');
const { PubSubTracingModule } = await import('nestjs-redis-pubsub/otel');
const { from, toArray } = await import('rxjs');

const imports = [RedisPubSubModule.forRoot({ connection: redis }), PubSubTracingModule.forRoot()];

/** Applies a decorator to a method, as TypeScript does. */
function decorate(target, method, decorator) {
  decorator(target.prototype, method, Object.getOwnPropertyDescriptor(target.prototype, method));
}

class Gateway {
  constructor(client) {
    this.client = client;
  }

  emit() {
    return this.client.emit('order.created', 1);
  }

  relay() {
    return this.client.emit('relay', 1);
  }

  send() {
    return this.client.send('count.x', 1).pipe(toArray());
  }

  sendAll() {
    return this.client.sendAll('count.x', 1, { max: 2 }).pipe(toArray());
  }
}
Controller()(Gateway);
Reflect.defineMetadata('design:paramtypes', [RedisPubSubClient], Gateway);
decorate(Gateway, 'emit', Post('emit'));
decorate(Gateway, 'relay', Post('relay'));
decorate(Gateway, 'send', Post('send'));
decorate(Gateway, 'sendAll', Post('send-all'));

class Handlers {
  constructor(client) {
    this.client = client;
  }

  onOrder() {}

  onRelay() {
    return this.client.emit('order.relayed', 1);
  }

  count() {
    return from([1, 2, 3]);
  }
}
Reflect.defineMetadata('design:paramtypes', [RedisPubSubClient], Handlers);
decorate(Handlers, 'onOrder', Subscribe('order.:event'));
decorate(Handlers, 'count', MessagePattern('count.:to'));
if (name === 'orders') decorate(Handlers, 'onRelay', Subscribe('relay'));

class App {}
Module(
  name === 'gateway' ? { imports, controllers: [Gateway] } : { imports, providers: [Handlers] },
)(App);

/** Runs each request in a span, as the instrumentation of HTTP does, and answers with the id of the trace. */
function httpSpan(request, response, next) {
  const options = { kind: SpanKind.SERVER };
  trace.getTracer('http').startActiveSpan(`HTTP ${request.method}`, options, (span) => {
    response.setHeader('x-trace-id', span.spanContext().traceId);
    response.once('close', () => span.end());
    next();
  });
}

const logger = ['error', 'warn'];
if (name === 'gateway') {
  const app = await NestFactory.create(App, { logger });
  app.use(httpSpan);
  await app.listen(0, '127.0.0.1');
  process.send({ url: await app.getUrl() });
} else {
  await NestFactory.createApplicationContext(App, { logger });
  process.send({});
}
