// What OpenTelemetry costs: CPU of one `emit` and its handler together, over a Redis in memory. Prints a table.
import 'reflect-metadata';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { context, propagation, ROOT_CONTEXT, SpanKind, trace } from '@opentelemetry/api';
import { AlwaysOffSampler, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import {
  RedisPubSubClient,
  RedisPubSubModule,
  RedisPubSubServer,
  Subscribe,
} from 'nestjs-redis-pubsub';
import type { RedisPubSubContext } from 'nestjs-redis-pubsub';
import { PubSubTracingModule } from 'nestjs-redis-pubsub/otel';
import { InMemoryRedis } from 'nestjs-redis-pubsub/testing';
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const ROUNDS = 3;
const SAMPLES = 7;
const MESSAGES = 20_000;
const BURST = 100;

const MODES = {
  'without the module': () => {},
  'the module, and no SDK': () => {},
  'a sampler that leaves out all': () =>
    new NodeTracerProvider({ sampler: new AlwaysOffSampler() }).register(),
  'two hooks by hand, left out': () =>
    new NodeTracerProvider({ sampler: new AlwaysOffSampler() }).register(),
  'both spans recorded, not exported': () => new NodeTracerProvider().register(),
} as const;

type Mode = keyof typeof MODES;

const hasModule = (mode: Mode): boolean =>
  mode !== 'without the module' && mode !== 'two hooks by hand, left out';

let count = 0;
let expected = 0;
let complete = (): void => {};

@Injectable()
class Handlers {
  @Subscribe('order.:event')
  onOrder() {
    count++;
    if (count === expected) complete();
  }
}

/** The least that goes on with a trace. */
function traceByHand(client: RedisPubSubClient, server: RedisPubSubServer): void {
  const tracer = trace.getTracer('by hand');
  client.setOnDispatchHook((packet) => {
    const span = tracer.startSpan('publish', { kind: SpanKind.PRODUCER });
    const metadata: Record<string, string> = {};
    propagation.inject(trace.setSpan(context.active(), span), metadata);
    Object.assign(packet, { metadata });
    span.end();
  });
  server.setOnProcessingStartHook((_transport, received, done) => {
    const message = received as RedisPubSubContext;
    const parent = propagation.extract(ROOT_CONTEXT, message.getHeaders());
    const name = `process ${message.getPattern()}`;
    const span = tracer.startSpan(name, { kind: SpanKind.CONSUMER }, parent);
    void context.with(trace.setSpan(parent, span), done).finally(() => span.end());
  });
}

async function run(client: RedisPubSubClient): Promise<void> {
  count = 0;
  expected = MESSAGES;
  const completed = new Promise<void>((resolve) => {
    complete = resolve;
  });
  for (let sent = 0; sent < MESSAGES; sent += BURST) {
    for (let i = 0; i < BURST; i++) client.emit('order.created', { id: sent + i });
    await new Promise(setImmediate);
  }
  await completed;
}

const median = (values: readonly number[]): number =>
  values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN;

/** The CPU of this process for a message, in microseconds. */
async function measure(mode: Mode): Promise<number> {
  MODES[mode]();
  @Module({
    imports: [
      RedisPubSubModule.forRoot({ connection: new InMemoryRedis() }),
      ...(hasModule(mode) ? [PubSubTracingModule.forRoot()] : []),
    ],
    providers: [Handlers],
  })
  class App {}
  const app = await NestFactory.createApplicationContext(App, { logger: false });
  const client = app.get(RedisPubSubClient);
  if (mode === 'two hooks by hand, left out') traceByHand(client, app.get(RedisPubSubServer));
  await run(client);
  const samples: number[] = [];
  for (let i = 0; i < SAMPLES; i++) {
    const before = process.cpuUsage();
    await run(client);
    const { user, system } = process.cpuUsage(before);
    samples.push((user + system) / MESSAGES);
  }
  await app.close();
  return median(samples);
}

const [, , given] = process.argv;
if (given !== undefined) {
  process.stdout.write(String(await measure(given as Mode)));
} else {
  const modes = Object.keys(MODES) as Mode[];
  const results = new Map(modes.map((mode) => [mode, [] as number[]]));
  // One after the other in each round, so that a busy moment of the machine meets all of them.
  for (let round = 0; round < ROUNDS; round++) {
    for (const mode of modes) {
      const printed = execFileSync(process.execPath, [fileURLToPath(import.meta.url), mode]);
      results.get(mode)?.push(Number(printed));
    }
  }
  for (const [mode, values] of results) {
    process.stdout.write(`| ${mode.padEnd(33)} | ${median(values).toFixed(1)} |\n`);
  }
}
