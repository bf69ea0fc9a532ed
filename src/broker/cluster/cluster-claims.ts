import { ConnectionError, shorten } from '../../errors.js';
import { runOutside } from '../../shared/async-context.js';
import { isError } from '../../shared/is-error.js';
import type { Claim } from '../broker.js';
import type { ClusterTopology } from './cluster-topology.js';
import type { ShardedPublisher } from './sharded-publisher.js';
import { slotOf } from './slot.js';

/** How long the first claims wait for the connections to all owners. */
const OPEN_TIMEOUT_MS = 10_000;
/** A slot that moves on each time it is asked for is not followed any further. */
const MAX_REDIRECTS = 5;

/** Where Redis says that a key is: with `ASK` for this time only, while the slot moves. */
interface Redirect {
  readonly kind: string;
  readonly address: string;
}

/** Sends claims to the owners of their keys, over the connections of the shard channels. */
export class ClusterClaims {
  readonly #sharded: ShardedPublisher;
  readonly #topology: ClusterTopology;
  #opening: Promise<void> | undefined;

  constructor(sharded: ShardedPublisher, topology: ClusterTopology) {
    this.#sharded = sharded;
    this.#topology = topology;
  }

  /** See `Broker#claim`. A redirected claim was not made, and follows its slot. */
  async claim(claim: Claim): Promise<readonly boolean[]> {
    if (!this.#sharded.wasReady) await this.#open();
    const slot = slotOf(claim.key);
    for (let redirects = 0; ; redirects++) {
      const owner = this.#sharded.ownerOf(slot);
      if (!owner) throw withoutOwner(claim);
      try {
        return await owner.claim(claim);
      } catch (error) {
        const redirect = redirectOf(error);
        if (!redirect || redirects === MAX_REDIRECTS) throw error;
        if (redirect.kind === 'ASK') return this.#ask(redirect.address, claim);
        await this.#topology.refreshFrom(redirect.address);
      }
    }
  }

  async #ask(announced: string, claim: Claim): Promise<readonly boolean[]> {
    // It may own no slot yet, and then there is no connection to it.
    const node = this.#sharded.nodeAt(this.#topology.addressAt(announced));
    await node.open(OPEN_TIMEOUT_MS);
    return node.claim(claim, true);
  }

  /** Claims that come while the connections are opened wait for the same ones. */
  #open(): Promise<void> {
    this.#opening ??= runOutside(() => this.#sharded.open(OPEN_TIMEOUT_MS)).finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }
}

/** The redirect that is the cause of an error of a claim. */
function redirectOf(error: unknown): Redirect | undefined {
  if (!isError(error) || !isError(error.cause)) return undefined;
  const [, kind, address] = /^(MOVED|ASK) \d+ (\S+)$/.exec(error.cause.message) ?? [];
  return kind === undefined || address === undefined ? undefined : { kind, address };
}

function withoutOwner({ key }: Claim): ConnectionError {
  return new ConnectionError(`Cannot claim "${shorten(key)}": its slot has no owner`);
}
