import { Command, type Redis } from 'ioredis';
import { CommandRefusedError, ConnectionError, messageOf, shorten } from '../errors.js';
import { isReplyError } from './reply-error.js';
import { explainReply } from './sharded-support.js';

/** So many commands of one tick go out together: fewer cost more writes, with more Redis and the receivers wait. */
const MOST_COMMANDS = 32;

/** Sends PUBLISH and SPUBLISH over one connection. */
export class PublishSender {
  readonly #client: Redis;
  readonly #isOwned: boolean;
  #corked: Redis['stream'] | undefined;
  #commands = 0;

  /** `isOwned`: whether the client is ours, or a user's. */
  constructor(client: Redis, isOwned: boolean) {
    this.#client = client;
    this.#isOwned = isOwned;
  }

  send(channel: string, payload: string | Uint8Array, isSharded: boolean): Promise<number> {
    this.#cork();
    const bytes = asBuffer(payload);
    const published = isSharded
      ? spublish(this.#client, channel, bytes)
      : this.#client.publish(channel, bytes);
    return published.then(Number, (error: unknown) => Promise.reject(publishError(channel, error)));
  }

  /**
   * Sends the commands of one tick in few writes. It costs half of what ioredis' automatic
   * pipelining does, since no command needs a pipeline of its own.
   */
  #cork(): void {
    if (!this.#isOwned) return;
    const stream = this.#corked ?? this.#beginTick();
    if (++this.#commands % MOST_COMMANDS > 0) return;
    stream.uncork();
    stream.cork();
  }

  #beginTick(): Redis['stream'] {
    const { stream } = this.#client;
    this.#corked = stream;
    this.#commands = 0;
    stream.cork();
    process.nextTick(() => {
      this.#corked = undefined;
      stream.uncork();
    });
    return stream;
  }
}

/** As a command of its own: ioredis would put a `keyPrefix` before a shard channel, and before no other. */
function spublish(client: Redis, channel: string, payload: string | Buffer): Promise<unknown> {
  return client.sendCommand(new Command('spublish', [channel, payload])) as Promise<unknown>;
}

/** Bytes as ioredis sends them. */
export function asBuffer(payload: string | Uint8Array): string | Buffer {
  if (typeof payload === 'string' || Buffer.isBuffer(payload)) return payload;
  return Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
}

/** What a publisher is told of what Redis, or ioredis, says of its message. */
export function publishError(channel: string, error: unknown): Error {
  if (isReplyError(error)) {
    return new CommandRefusedError('publish', channel, explainReply(error));
  }
  return new ConnectionError(
    `The connection was lost before Redis confirmed the message to "${shorten(channel)}", which it may have published: ${messageOf(error)}`,
    { cause: error },
  );
}
