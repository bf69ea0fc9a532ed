import type { Broker } from '../broker/broker.js';
import { ConnectionError } from '../errors.js';
import { TickBatch } from '../shared/tick-batch.js';
import type { ClaimKey } from './claim-keys.js';

/** How long Redis keeps a claim at least. A process that stood still for longer must not claim what it heard before. */
export const CLAIM_TTL_MS = 300_000;

/** The greatest age of a message that is claimed. The rest of the time is for clocks that differ, and for delays. */
export const MAX_AGE_MS = CLAIM_TTL_MS / 2;

/** More bits in one command make Redis and this process wait. */
const MAX_BITS = 1_000;

/** As many messages may wait for their claims. A Redis that is silent must not fill the memory. */
const MAX_WAITING = 100_000;

/** The bits of one key that are claimed together. */
class Batch {
  readonly bits: number[] = [];
  readonly answers: Promise<readonly boolean[]>;
  #resolve!: (answers: Promise<readonly boolean[]>) => void;

  constructor() {
    this.answers = new Promise((resolve) => (this.#resolve = resolve));
  }

  send(broker: Pick<Broker, 'claim'>, key: string): void {
    this.#resolve(broker.claim({ key, bits: this.bits, ttlMs: CLAIM_TTL_MS }));
  }
}

/** Claims messages, those of one tick together: one command for each key. */
export class GroupClaims {
  readonly #broker: Pick<Broker, 'claim'>;
  readonly #batches = new Map<string, Batch>();
  readonly #tick = new TickBatch(() => this.#flush());
  #waiting = 0;

  constructor(broker: Pick<Broker, 'claim'>) {
    this.#broker = broker;
  }

  /** Resolves to whether this call is the first to claim a message. Rejects if Redis cannot be asked, or refuses. */
  async take(claim: ClaimKey): Promise<boolean> {
    if (this.#waiting >= MAX_WAITING) {
      throw new ConnectionError(`Redis has not answered the claims of ${this.#waiting} messages`);
    }
    this.#waiting++;
    try {
      return await this.#take(claim);
    } finally {
      this.#waiting--;
    }
  }

  async #take({ key, bit }: ClaimKey): Promise<boolean> {
    if (bit === undefined) {
      const [isFirst] = await this.#broker.claim({ key, ttlMs: CLAIM_TTL_MS });
      return isFirst === true;
    }
    const isAlone = this.#tick.add();
    const batch = this.#batches.get(key) ?? new Batch();
    this.#batches.set(key, batch);
    const index = batch.bits.push(bit) - 1;
    if (isAlone || batch.bits.length === MAX_BITS) this.#send(key, batch);
    return (await batch.answers)[index] === true;
  }

  #send(key: string, batch: Batch): void {
    this.#batches.delete(key);
    batch.send(this.#broker, key);
  }

  #flush(): void {
    for (const [key, batch] of this.#batches) this.#send(key, batch);
  }
}
