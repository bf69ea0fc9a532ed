import { Command, type Redis } from 'ioredis';
import { CommandRefusedError, ConnectionError, messageOf, shorten } from '../errors.js';
import { LoneFirst } from '../lone-first.js';
import { CommandWriter } from './command-writer.js';
import { isReplyError } from './reply-error.js';
import { explainReply } from './sharded-support.js';

/** So many commands of one tick go out together: fewer cost more writes, with more Redis and the receivers wait. */
const MOST_COMMANDS = 50;

/**
 * Sends PUBLISH and SPUBLISH over one connection: what is published in one tick, in few writes. While
 * each tick has one, that goes out at once: `npm run bench -- --only request-latency`.
 */
export class PublishSender {
  readonly #client: Redis;
  readonly #writer: CommandWriter;
  #waiting: Command[] = [];
  readonly #tick = new LoneFirst(() => this.flush());

  constructor(client: Redis) {
    this.#client = client;
    this.#writer = new CommandWriter(client);
  }

  send(channel: string, payload: string | Uint8Array, isSharded: boolean): Promise<number> {
    // A command of our own: ioredis' methods cost more, and put a `keyPrefix` before a shard channel.
    const command = new Command(isSharded ? 'spublish' : 'publish', [channel, asBuffer(payload)]);
    if (this.#tick.add()) this.#send(command);
    else this.#wait(command);
    return command.promise.then(Number, (error: unknown) => {
      throw publishError(channel, error);
    });
  }

  /** Sends what waits for the end of the tick, now. */
  flush(): void {
    const commands = this.#waiting;
    if (commands.length === 0) return;
    this.#waiting = [];
    this.#writer.together(() => {
      for (const command of commands) this.#send(command, this.#writer);
    });
  }

  #wait(command: Command): void {
    this.#waiting.push(command);
    if (this.#waiting.length === MOST_COMMANDS) this.flush();
  }

  #send(command: Command, writer?: CommandWriter): void {
    try {
      void this.#client.sendCommand(command, writer);
    } catch (error) {
      // The others must not wait for ever.
      command.reject(error as Error);
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
