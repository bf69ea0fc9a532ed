import { Command, type Redis } from 'ioredis';
import type { ChannelKind } from '../../channel/subscription-key.js';
import { CommandRefusedError, ConnectionError, messageOf, shorten } from '../../errors.js';
import type { NoReceivers, NotPublished } from '../broker-options.js';
import { completed, type OutgoingPayload } from '../../shared/payload.js';
import { TickBatch } from '../../shared/tick-batch.js';
import { explainReply, isReplyError } from '../connection/redis-error.js';
import { sizeOf, UnconfirmedMessages } from './unconfirmed-messages.js';
import { isError } from '../../shared/is-error.js';

/** More commands in one write make Redis and the receivers wait; fewer cost more writes. */
const MAX_COMMANDS = 50;

/** In UTF-16 units. Longer text goes out in several writes: it is not worth another copy. */
const MAX_TEXT_LENGTH = 65_536;

/** A command that is created when it is written. */
export interface LateCommand {
  create(): Command;
}

/**
 * Sends PUBLISH and SPUBLISH over one connection. What is published in one tick goes out in few writes; a
 * single message goes out at once. `npm run bench -- --only request-latency` measures it.
 *
 * @see https://redis.io/docs/latest/develop/using-commands/pipelining/
 */
export class PublishPipeline {
  readonly #client: Redis;
  readonly #writer: CommandWriter;
  readonly #unconfirmed: UnconfirmedMessages;
  readonly #tick = new TickBatch(() => this.flush());
  #waiting: (Command | LateCommand)[] = [];

  constructor(
    client: Redis,
    unconfirmed = new UnconfirmedMessages(),
    readonly onNoReceivers?: NoReceivers,
    readonly onNotPublished?: NotPublished,
  ) {
    this.#client = client;
    this.#unconfirmed = unconfirmed;
    this.#writer = new CommandWriter(client);
  }

  /** Publishes a message; see `Broker#publish`. */
  send(channel: string, payload: OutgoingPayload, kind: ChannelKind): Promise<number> {
    // ioredis' methods cost more than a command, and add a `keyPrefix` to a shard channel.
    const command = new Command(kind === 'shard' ? 'spublish' : 'publish', [
      channel,
      toBuffer(completed(payload)),
    ]);
    const bytes = sizeOf(payload);
    this.#unconfirmed.add(bytes);
    if (this.#tick.add()) this.#send(command);
    else this.#wait(command);
    // One function for both outcomes: there is one for each message.
    const settle = (outcome: unknown): number => {
      this.#unconfirmed.remove(bytes);
      if (isError(outcome)) throw this.errorOf(channel, kind, outcome);
      const receivers = Number(outcome);
      if (receivers === 0) this.onNoReceivers?.(channel, kind);
      return receivers;
    };
    return command.promise.then(settle, settle);
  }

  /** Sends another command, together with the messages of this tick and in its place among them. */
  call(name: string, args: readonly (string | number)[]): Promise<unknown> {
    const command = new Command(name, [...args]);
    if (this.#tick.add()) this.#send(command);
    else this.#wait(command);
    return command.promise;
  }

  /** Sends a command of another kind, in its place among the messages. */
  add(command: LateCommand): void {
    if (this.#tick.add()) this.#send(command.create());
    else this.#wait(command);
  }

  /** What was published last, while it waits for the end of the tick. */
  get last(): Command | LateCommand | undefined {
    return this.#waiting.at(-1);
  }

  /** Sends commands in few writes. Their promises have the answers. */
  sendTogether(commands: readonly Command[]): void {
    this.#writer.together(() => {
      for (const command of commands) this.#send(command, this.#writer);
    });
  }

  /** The error of a message, which is reported if Redis refused it. */
  errorOf(channel: string, kind: ChannelKind, error: unknown, isAppended = false): Error {
    if (isReplyError(error)) this.onNotPublished?.(channel, kind, isAppended);
    return publishError(channel, error);
  }

  /** Sends now what waits for the end of the tick. */
  flush(): void {
    const commands = this.#waiting;
    if (commands.length === 0) return;
    this.#waiting = [];
    this.#writer.together(() => {
      for (const command of commands) {
        this.#send(command instanceof Command ? command : command.create(), this.#writer);
      }
    });
  }

  #wait(command: Command | LateCommand): void {
    this.#waiting.push(command);
    if (this.#waiting.length === MAX_COMMANDS) this.flush();
  }

  #send(command: Command, writer?: CommandWriter): void {
    try {
      void this.#client.sendCommand(command, writer);
    } catch (error) {
      // The other commands of the batch must still be sent.
      command.reject(error as Error);
    }
  }
}

/** The stream that ioredis writes the commands of a pipeline to. */
type PipelineStream = Extract<
  NonNullable<Parameters<Redis['sendCommand']>[1]>,
  { readonly isPipeline: true }
>;

/**
 * Writes the commands that are sent within one call as one text, as an ioredis pipeline does, without the
 * promises of a pipeline. `npm run bench -- --only emit` measures it.
 */
class CommandWriter implements PipelineStream {
  readonly isPipeline = true;
  readonly destination: PipelineStream['destination'];
  readonly #client: Redis;
  #text = '';
  #isTogether = false;

  constructor(client: Redis) {
    this.#client = client;
    this.destination = { redis: client };
  }

  /** Writes what `send` sends. It must send nothing past this writer: Redis answers in order. */
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

  /** Called by ioredis: later, too, when it sends again what was lost with a connection. */
  write(data: string | Buffer): void {
    if (this.#isTogether && typeof data === 'string' && data.length < MAX_TEXT_LENGTH) {
      this.#text += data;
      if (this.#text.length >= MAX_TEXT_LENGTH) this.#writeText();
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

/** Converts bytes to what ioredis sends; text stays text. */
export function toBuffer(payload: string | Uint8Array): string | Buffer {
  if (typeof payload === 'string' || Buffer.isBuffer(payload)) return payload;
  return Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
}

/** Converts an error of Redis or ioredis to the one that `publish` rejects with. */
export function publishError(channel: string, error: unknown): Error {
  if (isReplyError(error)) {
    return new CommandRefusedError('publish', channel, explainReply(error));
  }
  return new ConnectionError(
    `The connection was lost before Redis confirmed the message to "${shorten(channel)}", which it may have published: ${messageOf(error)}`,
    { cause: error },
  );
}
