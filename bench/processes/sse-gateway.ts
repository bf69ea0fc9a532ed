// A gateway that passes the messages of one channel on to its streams of server-sent events. It needs `--expose-gc` to
// report its memory.
import 'reflect-metadata';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Writable } from 'node:stream';
import { Controller, Get, Logger, Module, Res, Sse, type INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { RedisPubSubModule, RedisPubSubService, type PubSubMessage } from 'nestjs-redis-pubsub';
import { map, share, type Observable } from 'rxjs';
import { memoryWithoutGarbage, type Memory } from '../harness/memory.js';
import { serveCommands } from '../harness/serve-commands.js';
import { meter, type Usage } from '../harness/usage.js';
import { channelName } from '../workload/channels.js';
import { dataOf } from '../workload/payloads.js';

/** How a stream gets its messages: what `@Sse()` returns, a response, or its socket. */
export type StreamForm = 'observe' | 'shared' | 'response' | 'socket';

const CHANNEL = channelName(0);
const BYTES = 200;
/** A stream that has more bytes waiting is closed. */
const MAX_PENDING_BYTES = 262_144;
let app: INestApplication;
let used: () => Usage;

@Controller()
class StreamController {
  readonly #messages$: Observable<PubSubMessage>;
  readonly #texts$: Observable<{ data: string }>;
  readonly #writables = new Set<Writable>();

  constructor(pubsub: RedisPubSubService) {
    this.#messages$ = pubsub.observe(CHANNEL);
    this.#texts$ = this.#messages$.pipe(
      map(({ data }) => ({ data: JSON.stringify(data) })),
      share(),
    );
  }

  @Sse('observe')
  observe(): Observable<PubSubMessage> {
    return this.#messages$;
  }

  @Sse('shared')
  shared(): Observable<{ data: string }> {
    return this.#texts$;
  }

  @Get('response')
  response(@Res() response: ServerResponse): void {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    response.flushHeaders();
    this.#add(response);
  }

  @Get('socket')
  socket(@Res() response: ServerResponse): void {
    const { socket } = response;
    if (!socket) throw new Error('Expected a response with a socket');
    // Without a length and without chunks, what follows the headers is the body.
    response.removeHeader('Transfer-Encoding');
    response.writeHead(200, { 'Content-Type': 'text/event-stream', Connection: 'close' });
    response.flushHeaders();
    this.#add(socket);
  }

  #add(writable: Writable): void {
    if (this.#writables.size === 0) this.#texts$.subscribe(({ data }) => this.#write(data));
    this.#writables.add(writable);
    writable.on('close', () => this.#writables.delete(writable));
  }

  #write(data: string): void {
    const event = Buffer.from(`data: ${data}\n\n`);
    for (const writable of this.#writables) {
      if (writable.writableLength > MAX_PENDING_BYTES) writable.destroy();
      else writable.write(event);
    }
  }
}

const commands = {
  /** Resolves to the port. */
  async listen(redisPort: number): Promise<number> {
    Logger.overrideLogger(['warn', 'error']);
    const pubsub = RedisPubSubModule.forRoot({ connection: `redis://127.0.0.1:${redisPort}` });
    @Module({ imports: [pubsub], controllers: [StreamController] })
    class GatewayModule {}
    app = await NestFactory.create(GatewayModule);
    await app.listen(0, '127.0.0.1');
    return (app.getHttpServer() as { address(): AddressInfo }).address().port;
  },

  memory: (): Promise<Memory> => memoryWithoutGarbage(),

  /** Publishes messages one after the other. */
  async publish(count: number): Promise<void> {
    used = meter();
    const pubsub = app.get(RedisPubSubService);
    for (let i = 0; i < count; i++) await pubsub.publish(CHANNEL, dataOf(BYTES));
  },

  /** The usage since `publish` began. */
  usage: (): Usage => used(),
};

export type SseGatewayCommands = typeof commands;

serveCommands(commands);
