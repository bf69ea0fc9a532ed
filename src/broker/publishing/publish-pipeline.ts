import { Command, type Redis } from 'ioredis';
import { CommandRefusedError, ConnectionError, messageOf, shorten } from '../../errors.js';
import { LoneFirst } from '../../shared/tick-batch.js';
import { isReplyError, explainReply } from '../connection/redis-error.js';

/** What ioredis writes the commands of a pipeline to. */
type PipelineStream = Extract<
  NonNullable<Parameters<Redis['sendCommand']>[1]>,
  { readonly isPipeline: true }
>;

/** More text, in UTF-16 units, goes out in several writes: so much is not worth another copy. */
const MOST_TEXT = 65_536;

/**
 * Writes the commands that are sent within one call as one text, as an ioredis pipeline does, but
 * without a pipeline's promises. `npm run bench -- --only emit` says what that is worth.
 */
export class CommandWriter implements PipelineStream {
  readonly isPipeline = true;
  readonly destination: PipelineStream['destination'];
  readonly #client: Redis;
  #text = '';
  #isTogether = false;

  constructor(client: Redis) {
    this.#client = client;
    this.destination = { redis: client };
  }

  /** Whatever `send` sends goes out when it returns. Nothing else must be sent meanwhile: Redis answers in order. */
  together(send: () => void): void {
    const { stream } = this.#client;
    stream.cork();
    this.#isTogether = true;
    try {
      send();
    } finally {
      this.#isTogether = false;
      this.#writeText();
      stream.uncork();
    }
  }

  /** Called by ioredis: also later, when it sends again what was lost with a connection. */
  write(data: string | Buffer): void {
    if (this.#isTogether && typeof data === 'string' && data.length < MOST_TEXT) {
      this.#text += data;
      if (this.#text.length >= MOST_TEXT) this.#writeText();
      return;
    }
    this.#writeText();
    this.#client.stream.write(data);
  }

  #writeText(): void {
    const text = this.#text;
    if (text === '') return;
    this.#text = '';
    this.#client.stream.write(text);
  }
}

/** So many commands of one tick go out together: fewer cost more writes, with more Redis and the receivers wait. */
const MOST_COMMANDS = 50;

/**
 * Sends PUBLISH and SPUBLISH over one connection: what is published in one tick, in few writes. While
 * each tick has one, that goes out at once: `npm run bench -- --only request-latency`.
 */
export class PublishSender {
  readonly #client: Redis;
  readonly #deliversFirst: boolean;
  readonly #writer: CommandWriter;
  #waiting: Command[] = [];
  readonly #tick = new LoneFirst(() => this.flush());

  /** `deliversFirst`: whether subscribers are to have a message before we hear of it. */
  constructor(client: Redis, deliversFirst: boolean) {
    this.#client = client;
    this.#deliversFirst = deliversFirst;
    this.#writer = new CommandWriter(client);
  }

  send(channel: string, payload: string | Uint8Array, isSharded: boolean): Promise<number> {
    // A command of our own: ioredis' methods cost more, and put a `keyPrefix` before a shard channel.
    const command = new Command(isSharded ? 'spublish' : 'publish', [channel, asBuffer(payload)]);
    if (this.#tick.add()) this.#sendAlone(command);
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
    this.#sendTogether(commands);
  }

  #wait(command: Command): void {
    this.#waiting.push(command);
    if (this.#waiting.length === MOST_COMMANDS) this.flush();
  }

  #sendAlone(command: Command): void {
    if (this.#deliversFirst) this.#sendTogether([createPing(), command]);
    else this.#send(command);
  }

  #sendTogether(commands: readonly Command[]): void {
    this.#writer.together(() => {
      for (const command of commands) this.#send(command, this.#writer);
    });
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

/**
 * What makes Redis write to subscribers first. It begins with whom it came to owe something last: that
 * is the publisher of a PUBLISH, unless a PING in the same write was answered before.
 */
function createPing(): Command {
  const ping = new Command('ping');
  // What was lost or refused shows in the messages beside it.
  ping.promise.catch(() => undefined);
  return ping;
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
