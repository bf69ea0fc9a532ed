import { randomBytes, randomUUID } from 'node:crypto';
import { InvalidChannelError, shorten } from '../errors.js';

/** The channels (by Redis' names) that are this package's own; prefixes do not touch them. */
export class ReservedChannels {
  /** Every reserved name begins so. */
  readonly start: string;
  /** Where a client says that nobody waits for the replies to a request any more. */
  readonly cancellations: string;
  readonly #inboxes: string;
  readonly #joinedInboxes: string;

  constructor(segment: string) {
    this.start = `${segment}.`;
    this.cancellations = `${this.start}cancel`;
    this.#inboxes = `${this.start}inbox.`;
    this.#joinedInboxes = `${this.#inboxes}joined.`;
  }

  has(name: string): boolean {
    return name.startsWith(this.start);
  }

  /** Throws {@link InvalidChannelError} for a name, or a glob, that begins so. `source`: what the user wrote. */
  assertFree(name: string, source: string): void {
    if (!this.has(name)) return;
    throw new InvalidChannelError(
      `Expected a channel outside the reserved "${this.start}", got "${shorten(source)}"`,
    );
  }

  /** A name for private replies, which no pattern handler hears; several may come in one message. */
  createInbox(): string {
    return this.#joinedInboxes + randomBytes(16).toString('base64url');
  }

  /**
   * Whether several packets may come in one message: to servers, and to the inboxes of our own clients. Others
   * may be in any language.
   */
  takesJoined(name: string): boolean {
    return name === this.cancellations || name.startsWith(this.#joinedInboxes);
  }

  /** Whether a name is a reply inbox: the only place a request may want replies. */
  isInbox(name: string): boolean {
    return name.startsWith(this.#inboxes) && name.isWellFormed();
  }

  /** A name for what a connection publishes to itself. */
  createProbe(): string {
    return `${this.start}probe.${randomUUID()}`;
  }
}
