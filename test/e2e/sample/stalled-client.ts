import type { IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import type { Redis } from 'ioredis';
import { closeAfterTest } from '../../support/app.js';
import { eventually } from '../../support/redis.js';
import type { Visitor } from './gateway.js';
import { getStream, readUntilReady } from './stream-response.js';

/**
 * More than the two sockets between a gateway and its client take, in fewer events than let the
 * gateway drop a client that does not read.
 */
const EVENTS = 20;
const EVENT_SIZE = 512 * 1024;

/** The size of the whole backlog, in characters. */
export const BACKLOG = EVENTS * EVENT_SIZE;

/** A client that reads its stream until that is ready, and nothing after it. */
export class StalledClient {
  readonly #visitor: Visitor;
  readonly #response: IncomingMessage;

  private constructor(visitor: Visitor, response: IncomingMessage) {
    this.#visitor = visitor;
    this.#response = response;
  }

  static async open(visitor: Visitor): Promise<StalledClient> {
    const { response } = await getStream(visitor);
    closeAfterTest(async () => response.destroy());
    await readUntilReady(response);
    return new StalledClient(visitor, response);
  }

  /** Resolves when the gateway has a backlog for it, as the trace of the gateway shows. */
  async fallBehind(redis: Redis, gateway: { readonly lines: string[] }): Promise<void> {
    const channel = `sample:notifications.user.${this.#visitor.id}`;
    const message = JSON.stringify({ message: 'x'.repeat(EVENT_SIZE) });
    for (let i = 0; i < EVENTS; i++) await redis.publish(channel, message);
    const isReceipt = (line: string): boolean => line.endsWith(` ← ${channel}`);
    await eventually(() => gateway.lines.filter(isReceipt).length === EVENTS);
  }

  /** Reads the rest of a stream that has ended, with or without an error. */
  async readRest(): Promise<number> {
    let size = 0;
    this.#response.on('data', (chunk: Buffer) => (size += chunk.length));
    await text(this.#response).catch(() => undefined);
    return size;
  }
}
