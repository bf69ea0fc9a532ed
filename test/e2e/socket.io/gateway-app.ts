import { Injectable, type INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import '@nestjs/platform-express';
import {
  ConnectedSocket,
  MessageBody,
  SubscribeMessage,
  WebSocketGateway,
  WebSocketServer,
} from '@nestjs/websockets';
import { io as connect, type Socket as Client } from 'socket.io-client';
import type { Server, Socket } from 'socket.io';
import { RedisPubSubModule, type RedisPubSubModuleOptions } from 'nestjs-redis-pubsub';
import { RedisPubSubIoAdapter, type SocketIoAdapterOptions } from 'nestjs-redis-pubsub/socket.io';
import { captureLog, closeAfterTest, type TestLog } from '../../support/app.js';
import { eventually } from '../../support/eventually.js';

/** The gateway of most tests. */
@WebSocketGateway()
@Injectable()
export class Gateway {
  @WebSocketServer() readonly server!: Server;

  @SubscribeMessage('join')
  async join(@ConnectedSocket() socket: Socket, @MessageBody() room: string): Promise<string> {
    await socket.join(room);
    return room;
  }

  @SubscribeMessage('leave')
  async leave(@ConnectedSocket() socket: Socket, @MessageBody() room: string): Promise<string> {
    await socket.leave(room);
    return room;
  }

  @SubscribeMessage('say')
  say(@ConnectedSocket() socket: Socket, @MessageBody() text: string): void {
    socket.broadcast.emit('said', text);
  }
}

/** An instance of an application with a gateway. */
export interface GatewayApp {
  readonly app: INestApplication;
  readonly io: Server;
  readonly url: string;
  readonly log: TestLog;
  /** Connects a client, which is closed after the test. */
  readonly connect: (namespace?: string) => Promise<TestClient>;
}

/** A client, and the events that it received. */
export interface TestClient {
  readonly socket: Client;
  readonly events: unknown[][];
  /** Resolves when an event with this name and these arguments has arrived. */
  readonly receives: (...event: unknown[]) => Promise<void>;
}

/** Starts an instance; closed after the test. */
export async function startGateway(
  pubsub: RedisPubSubModuleOptions,
  options?: SocketIoAdapterOptions,
): Promise<GatewayApp> {
  const log = captureLog();
  const module = {
    module: class GatewayModule {},
    imports: [RedisPubSubModule.forRoot(pubsub)],
    providers: [Gateway],
  };
  const app = await NestFactory.create(module, {
    logger: log,
    abortOnError: false,
    forceCloseConnections: true,
  });
  closeAfterTest(() => app.close());
  app.useWebSocketAdapter(new RedisPubSubIoAdapter(app, options));
  await app.listen(0, '127.0.0.1');
  const url = await app.getUrl();
  return {
    app,
    io: app.get(Gateway).server,
    url,
    log,
    connect: (namespace = '') => connectClient(`${url}${namespace}`),
  };
}

/** Connects a client; closed after the test. */
export async function connectClient(url: string): Promise<TestClient> {
  const socket = connect(url, {
    transports: ['websocket'],
    forceNew: true,
    reconnectionDelay: 20,
    reconnectionDelayMax: 100,
  });
  closeAfterTest(async () => void socket.close());
  const events: unknown[][] = [];
  socket.onAny((...event: unknown[]) => void events.push(event));
  await new Promise<void>((resolve) => void socket.once('connect', resolve));
  const received = (event: unknown[]): boolean =>
    events.some((it) => JSON.stringify(it) === JSON.stringify(event));
  const receives = (...event: unknown[]): Promise<void> =>
    eventually(
      () => received(event),
      () => `${JSON.stringify(event)} arrives, besides ${JSON.stringify(events)}`,
    );
  return { socket, events, receives };
}
