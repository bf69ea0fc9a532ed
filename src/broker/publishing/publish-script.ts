import { Command, type Redis } from 'ioredis';
import { messageOf } from '../../errors.js';
import type { BrokerLog } from '../broker.js';
import { asBuffer, publishError, type PublishSender } from './publish-pipeline.js';
import { isReplyError } from '../connection/redis-error.js';

/** Below this a script costs Redis more than it saves us. */
const LEAST_MESSAGES = 32;
/** Redis does nothing else while a script runs. */
const MOST_MESSAGES = 512;
const MOST_BYTES = 262_144;

/** With `call` one refused channel would reject a batch of which a part was published. */
const SCRIPT = `local replies = {}
for i = 1, #ARGV, 2 do
  replies[#replies + 1] = redis.pcall('PUBLISH', ARGV[i], ARGV[i + 1])
end
return replies`;

interface Waiting {
  readonly channel: string;
  readonly payload: string | Buffer;
  readonly resolve: (receivers: number | Promise<number>) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Sends what is published in one tick as few scripts (EVAL), each of which publishes many messages, in
 * their order. Where the user may not call EVAL, and for a few messages, it is one PUBLISH for each.
 */
export class PublishBatcher {
  readonly #client: Redis;
  readonly #sender: PublishSender;
  readonly #log: BrokerLog;
  #waiting: Waiting[] = [];
  #mayBatch = false;

  constructor(client: Redis, sender: PublishSender, log: BrokerLog) {
    this.#client = client;
    this.#sender = sender;
    this.#log = log;
  }

  /** There is a new connection: asks whether scripts are allowed on it. */
  async onReady(): Promise<void> {
    this.#mayBatch = false;
    try {
      await this.#run([]);
      this.#mayBatch = true;
    } catch (error) {
      // A lost connection is not news, and the next one is asked again.
      if (isReplyError(error)) this.#refused(error);
    }
  }

  send(channel: string, payload: string | Uint8Array): Promise<number> {
    return new Promise((resolve, reject) => {
      if (this.#waiting.length === 0) process.nextTick(() => this.flush());
      this.#waiting.push({ channel, payload: asBuffer(payload), resolve, reject });
    });
  }

  /** Sends what waits for the end of the tick. */
  flush(): void {
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    this.#waiting = [];
    if (!this.#mayBatch || waiting.length < LEAST_MESSAGES) this.#sendEach(waiting);
    else for (const batch of batchesOf(waiting)) this.#sendBatch(batch);
  }

  #sendEach(messages: readonly Waiting[]): void {
    for (const { channel, payload, resolve } of messages) {
      resolve(this.#sender.send(channel, payload, false));
    }
  }

  #sendBatch(batch: readonly Waiting[]): void {
    this.#run(batch).then(
      (replies) => {
        for (const [i, { channel, resolve, reject }] of batch.entries()) {
          const reply = replies[i];
          if (reply instanceof Error) reject(publishError(channel, reply));
          else resolve(Number(reply));
        }
      },
      (error: unknown) => {
        if (isReplyError(error)) this.#refused(error);
        // Nothing of it was published, but what came later may have been.
        for (const { channel, reject } of batch) reject(publishError(channel, error));
      },
    );
  }

  async #run(batch: readonly Waiting[]): Promise<readonly unknown[]> {
    const args: (string | number | Buffer)[] = [SCRIPT, 0];
    for (const { channel, payload } of batch) args.push(channel, payload);
    return (await this.#client.sendCommand(new Command('eval', args))) as unknown[];
  }

  #refused(error: unknown): void {
    this.#mayBatch = false;
    this.#log.warn(`Redis takes no batches; one PUBLISH for each message (${messageOf(error)})`);
  }
}

function* batchesOf(messages: readonly Waiting[]): Generator<readonly Waiting[]> {
  let start = 0;
  let bytes = 0;
  for (const [i, { payload }] of messages.entries()) {
    const size = Buffer.byteLength(payload);
    const isFull = i - start === MOST_MESSAGES || bytes + size > MOST_BYTES;
    if (isFull && i > start) {
      yield messages.slice(start, i);
      start = i;
      bytes = 0;
    }
    bytes += size;
  }
  yield messages.slice(start);
}
