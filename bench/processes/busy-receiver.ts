// A process whose handlers block the event loop.
import { setImmediate } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { RedisPubSubServer } from 'nestjs-redis-pubsub';
import { serveCommands } from '../harness/serve-commands.js';
import { eventController } from '../candidates/controllers.js';
import { serve } from '../candidates/serve.js';
import { EVERY_CHANNEL } from '../workload/channels.js';

const lock = new Int32Array(new SharedArrayBuffer(4));
let handled = 0;
let server: RedisPubSubServer;

const commands = {
  async listen(port: number, handlingMs: number, heartbeatMs: number): Promise<void> {
    server = new RedisPubSubServer({
      connection: `redis://127.0.0.1:${port}`,
      pingInterval: heartbeatMs,
      pingTimeout: heartbeatMs,
    });
    const controller = eventController([EVERY_CHANNEL], () => {
      Atomics.wait(lock, 0, 0, handlingMs);
      handled++;
    });
    await serve(controller, server);
  },

  /** Resolves to the number of handled messages when all that Redis had sent by now are handled, or are lost. */
  async handled(): Promise<number> {
    const [, subscriber] = server.unwrap<[Redis, Redis]>();
    // Redis answers after the messages before it. On a connection that was lost there is no answer.
    await subscriber.ping().catch(() => undefined);
    await setImmediate();
    return handled;
  },
};

export type BusyReceiverCommands = typeof commands;

serveCommands(commands);
