import { Command, type Redis } from 'ioredis';
import { CommandRefusedError, ConnectionError, messageOf, shorten } from '../errors.js';
import { CommandWriter } from './command-writer.js';
import { isReplyError } from './reply-error.js';
import { explainReply } from './sharded-support.js';

/** So many commands of one tick go out together: fewer cost more writes, with more Redis and the receivers wait. */
const MOST_COMMANDS = 64;

interface Waiting {
  readonly command: Command;
  readonly channel: string;
  readonly resolve: (receivers: number) => void;
  readonly reject: (error: unknown) => void;
}

/** Sends PUBLISH and SPUBLISH over one connection: what is published in one tick, in few writes. */
export class PublishSender {
  readonly #client: Redis;
  readonly #writer: CommandWriter;
  #waiting: Waiting[] = [];

  constructor(client: Redis) {
    this.#client = client;
    this.#writer = new CommandWriter(client);
  }

  send(channel: string, payload: string | Uint8Array, isSharded: boolean): Promise<number> {
    // A command of our own: ioredis' methods cost as much again, and put a `keyPrefix` before a shard channel.
    const command = new Command(isSharded ? 'spublish' : 'publish', [channel, asBuffer(payload)]);
    return new Promise((resolve, reject) => {
      if (this.#waiting.length === 0) process.nextTick(() => this.flush());
      this.#waiting.push({ command, channel, resolve, reject });
      if (this.#waiting.length === MOST_COMMANDS) this.flush();
    });
  }

  /** Sends what waits for the end of the tick. */
  flush(): void {
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    this.#waiting = [];
    this.#writer.together(() => {
      for (const message of waiting) this.#send(message);
    });
  }

  #send({ command, channel, resolve, reject }: Waiting): void {
    const refuse = (error: unknown): void => reject(publishError(channel, error));
    try {
      const sent = this.#client.sendCommand(command, this.#writer) as Promise<unknown>;
      sent.then((receivers) => resolve(Number(receivers)), refuse);
    } catch (error) {
      // The others must not wait for ever.
      refuse(error);
    }
  }
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
