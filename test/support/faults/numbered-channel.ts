/** One numbered message, and how its PUBLISH ended. */
export interface Publication {
  readonly number: number;
  readonly sentAt: number;
  /** When Redis answered, or the publisher stopped waiting for the answer. */
  settledAt: number;
  /** After `failed`, Redis may have published the message nevertheless. */
  outcome: 'pending' | 'accepted' | 'failed';
}

export interface NumberedChannelOptions {
  /** The number of the first message. A lower number belongs to an earlier scenario. Default: 0. */
  readonly first?: number;
  /** Whether a server may deliver a message after its PUBLISH failed. Default: false. */
  readonly isLateAllowed?: boolean;
}

/** The messages of one channel: one publisher numbers them and sends them in order. */
export class NumberedChannel {
  readonly publications = new Map<number, Publication>();
  readonly first: number;
  readonly #isLateAllowed: boolean;
  #next: number;

  constructor(
    readonly name: string,
    { first = 0, isLateAllowed = false }: NumberedChannelOptions = {},
  ) {
    this.first = this.#next = first;
    this.#isLateAllowed = isLateAllowed;
  }

  /** The number of the next message. */
  get next(): number {
    return this.#next;
  }

  /** The last message that Redis accepted. */
  get lastAccepted(): Publication | undefined {
    return [...this.publications.values()].findLast(({ outcome }) => outcome === 'accepted');
  }

  /** Whether the outcome of every message before a number is known. */
  isSettled(before: number): boolean {
    return [...this.publications.values()].every(
      ({ number, outcome }) => number >= before || outcome !== 'pending',
    );
  }

  /** Sends the next message; resolves when its outcome is known. */
  publish(send: (number: number) => Promise<unknown>): Promise<void> {
    const publication: Publication = {
      number: this.#next++,
      sentAt: Date.now(),
      settledAt: Infinity,
      outcome: 'pending',
    };
    this.publications.set(publication.number, publication);
    const settle = (outcome: 'accepted' | 'failed') => (): void => {
      publication.outcome = outcome;
      publication.settledAt = Date.now();
    };
    return send(publication.number).then(settle('accepted'), settle('failed'));
  }

  /** Whether a message may arrive after later ones, because its PUBLISH failed. */
  mayBeLate(number: number): boolean {
    return this.#isLateAllowed && this.publications.get(number)?.outcome === 'failed';
  }

  /** The last number, and how many messages have each outcome. */
  describe(): string {
    const outcomes = [...this.publications.values()].map(({ outcome }) => outcome);
    const count = (wanted: string): string =>
      `${outcomes.filter((outcome) => outcome === wanted).length} ${wanted}`;
    return `${this.#next - 1} (${['accepted', 'failed', 'pending'].map(count).join(', ')})`;
  }

  /** Removes the messages before a number, except those that may still arrive. */
  removeBefore(before: number): void {
    for (const number of this.publications.keys()) {
      if (number < before && !this.mayBeLate(number)) this.publications.delete(number);
    }
  }
}
