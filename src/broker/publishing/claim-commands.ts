import { CommandRefusedError, ConnectionError, messageOf, shorten } from '../../errors.js';
import { ClockMap, type ClockEntry } from '../../shared/clock-map.js';
import type { Claim } from '../broker.js';
import { isReplyError } from '../connection/redis-error.js';
import type { PublishPipeline } from './publish-pipeline.js';

/** How many keys are known to have enough time left. Others are given it again. */
const MAX_KEYS = 10_000;

/** A key with bits, which Redis keeps until then, by the clock of this process. */
interface KeptKey extends ClockEntry {
  until: number;
  /** The PEXPIRE that Redis has not answered yet. Rejects if Redis refuses. */
  expired: Promise<void> | undefined;
}

/** The bit of a key that says whether its time to live was set. The bits of claims follow it. */
const TIME_BIT = 0;

/** Calls a command. */
type Call = (name: string, args: readonly (string | number)[]) => Promise<unknown>;

/**
 * Sends claims over one connection: SET NX for a whole key, and one BITFIELD for all bits of a key. A key with bits is
 * given twice the time that they need, and again when half of that is over, and so few PEXPIRE are sent.
 *
 * Redis may remove a key in between, as FLUSHALL does, and the next BITFIELD creates it without a time. Each BITFIELD
 * reads a bit that tells: of the clients that find it unset, each sets the time.
 *
 * @see https://redis.io/docs/latest/commands/bitfield/
 */
export class ClaimCommands {
  readonly #pipeline: PublishPipeline;
  #kept = new ClockMap<KeptKey>(MAX_KEYS);
  /** The keys whose PEXPIRE was not answered, and their time: no more than claims were in flight. */
  #unanswered = new Map<string, number>();

  constructor(pipeline: PublishPipeline) {
    this.#pipeline = pipeline;
  }

  /** Another server may have other keys. */
  onReady(): void {
    this.#kept = new ClockMap(MAX_KEYS);
    const unanswered = this.#unanswered;
    this.#unanswered = new Map();
    for (const [key, forMs] of unanswered) {
      this.#keep(key, this.#entryOf(key), forMs, this.#callWith(false));
    }
  }

  /** See `Broker#claim`. With `isAsking` a node of a Cluster takes a claim for a slot that it is about to get. */
  async send({ key, bits, ttlMs }: Claim, isAsking: boolean): Promise<readonly boolean[]> {
    const call = this.#callWith(isAsking);
    try {
      if (!bits) return [(await call('set', [key, '1', 'PX', ttlMs, 'NX'])) !== null];
      const kept = this.#entryOf(key);
      const isKept = hasTimeLeft(kept, ttlMs);
      const claimed = call('bitfield', bitfieldArgs(key, isKept, bits));
      if (!isKept) this.#keep(key, kept, 2 * ttlMs, call);
      const { until, expired } = kept;
      // Also for claims that were sent later: they are answered in their order.
      const [answer] = expired ? await Promise.all([claimed, expired]) : [await claimed];
      const [hadTime, ...before] = answer as number[];
      // Unless another claim has set it since.
      const isLost = isKept && hadTime === 0 && kept.until === until;
      if (isLost) this.#restore(key, kept, 2 * ttlMs, call);
      return before.map((it) => it === 0);
    } catch (error) {
      throw claimError(key, error);
    }
  }

  #callWith(isAsking: boolean): Call {
    return (name, args) => {
      if (isAsking) this.#pipeline.call('asking', []).catch(() => undefined);
      return this.#pipeline.call(name, args);
    };
  }

  #entryOf(key: string): KeptKey {
    const known = this.#kept.get(key);
    if (known) return known;
    const entry = { isRecent: false, until: 0, expired: undefined };
    this.#kept.add(key, entry);
    return entry;
  }

  /** Redis had lost the key, and has created it again without a time. */
  #restore(key: string, kept: KeptKey, forMs: number, call: Call): void {
    // Without it the next claim restores the key.
    call('bitfield', bitfieldArgs(key, false, [])).catch(() => undefined);
    this.#keep(key, kept, forMs, call);
  }

  #keep(key: string, kept: KeptKey, forMs: number, call: Call): void {
    kept.until = Date.now() + forMs;
    const expired = this.#expire(key, kept, forMs, call);
    kept.expired = expired;
    const onAnswer = (): void => {
      if (kept.expired === expired) kept.expired = undefined;
    };
    // The claims that wait for it report a refusal, and without one the next claim.
    expired.then(onAnswer, onAnswer);
  }

  /** Rejects if Redis refuses: its memory would fill with keys that it never removes. */
  async #expire(key: string, kept: KeptKey, forMs: number, call: Call): Promise<void> {
    try {
      await call('pexpire', [key, forMs]);
    } catch (error) {
      kept.until = 0;
      if (!isReplyError(error)) this.#unanswered.set(key, forMs);
      // The claim was made before its slot has moved. The next one sets the time at the new node.
      else if (!isRedirect(error)) throw error;
    }
  }
}

function bitfieldArgs(key: string, isKept: boolean, bits: readonly number[]): (string | number)[] {
  const args = isKept ? [key, 'GET', 'u1', TIME_BIT] : [key, 'SET', 'u1', TIME_BIT, 1];
  for (const bit of bits) args.push('SET', 'u1', TIME_BIT + 1 + bit, 1);
  return args;
}

function hasTimeLeft({ until }: KeptKey, ttlMs: number): boolean {
  const leftMs = until - Date.now();
  // More than it was given means that the clock was set back.
  return leftMs >= ttlMs && leftMs <= 2 * ttlMs;
}

function isRedirect(error: unknown): boolean {
  return /^(MOVED|ASK) /.test(messageOf(error));
}

/** Converts an error of Redis or ioredis to the one that a claim rejects with. */
export function claimError(key: string, error: unknown): Error {
  if (isReplyError(error)) return new CommandRefusedError('claim', key, error);
  return new ConnectionError(
    `The connection was lost before Redis answered the claim of "${shorten(key)}": ${messageOf(error)}`,
    { cause: error },
  );
}
