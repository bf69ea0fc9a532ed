import { randomBytes, randomUUID } from 'node:crypto';
import type { ChannelKind } from '../channel/subscription-key.js';
import { InvalidChannelError, shorten } from '../errors.js';

/** The channels that this package uses itself, by Redis' names: no prefix is added to them. */
export class ReservedChannels {
  /** The beginning of every reserved name. */
  readonly start: string;
  /** Clients publish here that they no longer wait for the replies to a request. */
  readonly cancellations: string;
  readonly #inboxes: string;
  readonly #batchInboxes: string;
  readonly #adapters = new Map<string, ChannelKind>();

  /** `segment` is the option `reservedSegment`. */
  constructor(segment: string) {
    this.start = `${segment}.`;
    this.cancellations = `${this.start}cancel`;
    this.#inboxes = `${this.start}inbox.`;
    this.#batchInboxes = `${this.#inboxes}joined.`;
  }

  /** What the names of the channels of adapters begin with, and their kinds. */
  get adapters(): ReadonlyMap<string, ChannelKind> {
    return this.#adapters;
  }

  /** What the names of the channels of an adapter begin with. Its service needs the right to them. */
  ofAdapter(name: string, kind: ChannelKind): string {
    const start = `${this.start}${name}.`;
    this.#adapters.set(start, kind);
    return start;
  }

  has(name: string): boolean {
    return name.startsWith(this.start);
  }

  /** Throws {@link InvalidChannelError} for a reserved name or glob. `source` is what the user wrote. */
  assertFree(name: string, source: string): void {
    if (!this.has(name)) return;
    throw new InvalidChannelError(
      `Expected a channel outside the reserved "${this.start}", got "${shorten(source)}"`,
    );
  }

  /** A new name for private replies, which pattern handlers do not receive. One message may have several. */
  createInbox(): string {
    return this.#batchInboxes + randomBytes(16).toString('base64url');
  }

  /**
   * Whether one message may have several packets: for servers, and for the inboxes of this package's clients.
   * Other clients may be written in any language.
   */
  acceptsBatches(name: string): boolean {
    return name === this.cancellations || name.startsWith(this.#batchInboxes);
  }

  /** Whether a name is a reply inbox: a request may ask for replies nowhere else. */
  isInbox(name: string): boolean {
    return name.startsWith(this.#inboxes) && name.isWellFormed();
  }

  /** A new beginning of names for delivery probes. */
  createProbePrefix(): string {
    return `${this.start}probe.${randomUUID()}`;
  }
}
