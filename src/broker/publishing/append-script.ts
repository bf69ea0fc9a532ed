import { Command } from 'ioredis';
import { isError } from '../../shared/is-error.js';
import { byteLengthOf, completed, type OutgoingPayload } from '../../shared/payload.js';
import type { MessageList } from '../broker.js';
import type { Outgoing } from './publish-buffer.js';
import { toBuffer, type LateCommand, type PublishPipeline } from './publish-pipeline.js';
import { sizeOf, type UnconfirmedMessages } from './unconfirmed-messages.js';

/** Redis runs nothing else while a script runs. */
const MAX_MESSAGES = 512;
const MAX_BYTES = 262_144;

/**
 * For each key: adds a message to the list, and publishes it. What Redis refuses is undone, so that a list has each
 * message that was published, and no other. A full list may lose its oldest message to one that is refused.
 */
const SCRIPT = `local function failed(reply) return type(reply) == 'table' and reply.err ~= nil end
local replies = {}
for i, key in ipairs(KEYS) do
  local command, channel, payload, size, ttl = unpack(ARGV, i * 5 - 4, i * 5)
  local length = redis.pcall('RPUSH', key, payload)
  local reply = length
  if not failed(length) then
    reply = redis.pcall('PEXPIRE', key, ttl)
    if not failed(reply) and length > tonumber(size) then
      reply = redis.pcall('LTRIM', key, -tonumber(size), -1)
    end
    if not failed(reply) then reply = redis.pcall(command, channel, payload) end
    if failed(reply) then redis.pcall('RPOP', key) end
  end
  replies[i] = reply
end
return replies`;

/** A message for a list, and its promise. */
interface Appended extends Outgoing {
  readonly list: MessageList;
  readonly resolve: (receivers: number) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Adds messages to lists and publishes them, each by a script. The messages of one tick share a script, unless their
 * keys may be in different slots.
 *
 * It sends the script each time. A server that has forgotten the script of an EVALSHA would refuse a message, and may
 * accept the next one: the order would be lost.
 *
 * @see https://redis.io/docs/latest/commands/eval/
 */
export class AppendScript {
  readonly #pipeline: PublishPipeline;
  readonly #unconfirmed: UnconfirmedMessages;
  readonly #maxMessages: number;

  constructor(pipeline: PublishPipeline, unconfirmed: UnconfirmedMessages, isBatched: boolean) {
    this.#pipeline = pipeline;
    this.#unconfirmed = unconfirmed;
    this.#maxMessages = isBatched ? MAX_MESSAGES : 1;
  }

  /** See `Broker#append`. */
  send(message: Outgoing, list: MessageList): Promise<number> {
    this.#unconfirmed.add(sizeOf(message.payload));
    return new Promise((resolve, reject) => {
      const appended = { ...message, list, resolve, reject };
      const { last } = this.#pipeline;
      if (last instanceof AppendBatch && last.accepts(message.payload)) last.add(appended);
      else this.#pipeline.add(new AppendBatch(appended, this.#maxMessages, this.#create));
    });
  }

  readonly #create = (batch: readonly Appended[]): Command => {
    const keys = batch.map(({ list }) => list.key);
    const args = batch.flatMap(({ channel, payload, kind, list }) => [
      kind === 'shard' ? 'SPUBLISH' : 'PUBLISH',
      channel,
      toBuffer(completed(payload)),
      list.size,
      list.ttlMs,
    ]);
    const command = new Command('eval', [SCRIPT, keys.length, ...keys, ...args]);
    command.promise.then(
      (replies) => this.#settle(batch, replies as readonly unknown[]),
      (error: unknown) => this.#fail(batch, error),
    );
    return command;
  };

  #settle(batch: readonly Appended[], replies: readonly unknown[]): void {
    for (const [i, { channel, payload, kind, resolve, reject }] of batch.entries()) {
      const reply = replies[i];
      this.#unconfirmed.remove(sizeOf(payload));
      if (reply === 0) this.#pipeline.onNoReceivers?.(channel, kind);
      if (isError(reply)) reject(this.#pipeline.errorOf(channel, kind, reply, true));
      else resolve(Number(reply));
    }
  }

  #fail(batch: readonly Appended[], error: unknown): void {
    for (const { channel, payload, kind, reject } of batch) {
      this.#unconfirmed.remove(sizeOf(payload));
      reject(this.#pipeline.errorOf(channel, kind, error, true));
    }
  }
}

/** Messages for lists that one script sends. */
class AppendBatch implements LateCommand {
  readonly #messages: Appended[];
  readonly #maxMessages: number;
  readonly #create: (batch: readonly Appended[]) => Command;
  #bytes: number;

  constructor(
    first: Appended,
    maxMessages: number,
    create: (batch: readonly Appended[]) => Command,
  ) {
    this.#messages = [first];
    this.#maxMessages = maxMessages;
    this.#create = create;
    this.#bytes = byteLengthOf(first.payload);
  }

  accepts(payload: OutgoingPayload): boolean {
    const isFull = this.#messages.length >= this.#maxMessages;
    return !isFull && this.#bytes + byteLengthOf(payload) <= MAX_BYTES;
  }

  add(message: Appended): void {
    this.#messages.push(message);
    this.#bytes += byteLengthOf(message.payload);
  }

  create(): Command {
    return this.#create(this.#messages);
  }
}
