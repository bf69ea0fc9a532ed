import { Command, type Redis } from 'ioredis';
import { messageOf } from '../../errors.js';
import { byteLengthOf, completed, type OutgoingPayload } from '../../shared/payload.js';
import { TickBatch } from '../../shared/tick-batch.js';
import type { BrokerLog } from '../broker.js';
import { isReplyError } from '../connection/redis-error.js';
import { toBuffer, type PublishPipeline } from './publish-pipeline.js';
import { sizeOf, UnconfirmedMessages } from './unconfirmed-messages.js';
import { isError } from '../../shared/is-error.js';

/** With fewer messages a script costs Redis more than it spares this process. */
const MIN_MESSAGES = 32;
/** Redis runs nothing else while a script runs. */
const MAX_MESSAGES = 512;
const MAX_BYTES = 262_144;

/** With `call`, one refused channel would reject a batch of which a part was published. */
const SCRIPT = `local replies = {}
for i = 1, #ARGV, 2 do
  replies[#replies + 1] = redis.pcall('PUBLISH', ARGV[i], ARGV[i + 1])
end
return replies`;

interface Waiting {
  readonly channel: string;
  readonly payload: OutgoingPayload;
  readonly resolve: (receivers: number | Promise<number>) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Publishes the messages of one tick with few scripts, in their order. A few messages, and all messages of a
 * user who may not call EVAL, go through the pipeline.
 *
 * @see https://redis.io/docs/latest/commands/eval/
 */
export class PublishScript {
  readonly #client: Redis;
  readonly #pipeline: PublishPipeline;
  readonly #log: BrokerLog;
  readonly #unconfirmed: UnconfirmedMessages;
  readonly #tick = new TickBatch(() => this.flush());
  #waiting: Waiting[] = [];
  #isAllowed = false;

  constructor(
    client: Redis,
    pipeline: PublishPipeline,
    log: BrokerLog,
    unconfirmed = new UnconfirmedMessages(),
  ) {
    this.#client = client;
    this.#pipeline = pipeline;
    this.#log = log;
    this.#unconfirmed = unconfirmed;
  }

  /** Checks whether scripts are allowed on a new connection. */
  async onReady(): Promise<void> {
    this.#isAllowed = false;
    try {
      await this.#run([]);
      this.#isAllowed = true;
    } catch (error) {
      // A lost connection is logged elsewhere, and the next one is checked again.
      if (isReplyError(error)) this.#onRefused(error);
    }
  }

  /** Publishes a message at the end of the tick; see `Broker#publish`. */
  send(channel: string, payload: OutgoingPayload): Promise<number> {
    this.#tick.add();
    this.#unconfirmed.add(sizeOf(payload));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ channel, payload, resolve, reject });
    });
  }

  /** Sends now what waits for the end of the tick. */
  flush(): void {
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    this.#waiting = [];
    if (!this.#isAllowed || waiting.length < MIN_MESSAGES) this.#sendEach(waiting);
    else for (const batch of batchesOf(waiting)) this.#sendBatch(batch);
  }

  #sendEach(messages: readonly Waiting[]): void {
    this.#removeAll(messages);
    for (const { channel, payload, resolve } of messages) {
      resolve(this.#pipeline.send(channel, payload, 'channel'));
    }
  }

  #sendBatch(batch: readonly Waiting[]): void {
    // What was published before it may wait there.
    this.#pipeline.flush();
    this.#run(batch).then(
      (replies) => {
        this.#removeAll(batch);
        for (const [i, { channel, resolve, reject }] of batch.entries()) {
          const reply = replies[i];
          if (reply === 0) this.#pipeline.onNoReceivers?.(channel, 'channel');
          if (isError(reply)) reject(this.#pipeline.errorOf(channel, 'channel', reply));
          else resolve(Number(reply));
        }
      },
      (error: unknown) => {
        this.#removeAll(batch);
        if (isReplyError(error)) this.#onRefused(error);
        // Messages that were published later may have been delivered: none of these is sent again.
        for (const { channel, reject } of batch) {
          reject(this.#pipeline.errorOf(channel, 'channel', error));
        }
      },
    );
  }

  #removeAll(messages: readonly Waiting[]): void {
    for (const { payload } of messages) this.#unconfirmed.remove(sizeOf(payload));
  }

  async #run(batch: readonly Waiting[]): Promise<readonly unknown[]> {
    const args: (string | number | Buffer)[] = [SCRIPT, 0];
    for (const { channel, payload } of batch) args.push(channel, toBuffer(completed(payload)));
    return (await this.#client.sendCommand(new Command('eval', args))) as unknown[];
  }

  #onRefused(error: unknown): void {
    this.#isAllowed = false;
    this.#log.warn(
      `Redis refuses the scripts of batchPublishes (${messageOf(error)}); sending one PUBLISH for each message. Allow EVAL, or set batchPublishes to false`,
    );
  }
}

function* batchesOf(messages: readonly Waiting[]): Generator<readonly Waiting[]> {
  let start = 0;
  let bytes = 0;
  for (const [i, { payload }] of messages.entries()) {
    const size = byteLengthOf(payload);
    const isFull = i - start === MAX_MESSAGES || bytes + size > MAX_BYTES;
    if (isFull && i > start) {
      yield messages.slice(start, i);
      start = i;
      bytes = 0;
    }
    bytes += size;
  }
  yield messages.slice(start);
}
