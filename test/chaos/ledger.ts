import type { PubSubGap } from 'nestjs-redis-pubsub';

/** One numbered message, and what its publisher knows of it. */
export interface Publication {
  readonly number: number;
  readonly sentAt: number;
  /** When Redis had answered, or the publisher had given up. */
  settledAt: number;
  /** `failed`: Redis may have published it all the same. */
  outcome: 'pending' | 'accepted' | 'failed';
}

export interface LaneOptions {
  /** The number of its first message; what has a lower one is left from an earlier lane. */
  readonly first?: number;
  /** Whether a server that was given up may go on later with what it had taken. */
  readonly isLateAllowed?: boolean;
}

/** The messages of one channel, which one publisher numbers and sends in their order. */
export class Lane {
  readonly publications = new Map<number, Publication>();
  readonly first: number;
  readonly #isLateAllowed: boolean;
  #next: number;

  constructor(
    readonly channel: string,
    { first = 0, isLateAllowed = false }: LaneOptions = {},
  ) {
    this.first = this.#next = first;
    this.#isLateAllowed = isLateAllowed;
  }

  /** The number that the next message will have. */
  get next(): number {
    return this.#next;
  }

  /** Whether it is known what became of all messages before a number. */
  isSettled(before: number): boolean {
    return [...this.publications.values()].every(
      ({ number, outcome }) => number >= before || outcome !== 'pending',
    );
  }

  /** Notes a message that is being sent; `sent` settles as its PUBLISH does. */
  note(send: (number: number) => Promise<unknown>): void {
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
    send(publication.number).then(settle('accepted'), settle('failed'));
  }

  /** Whether a message may come after later ones: its publisher was told that it failed. */
  mayBeLate(number: number): boolean {
    return this.#isLateAllowed && this.publications.get(number)?.outcome === 'failed';
  }

  /** The last number, and what became of the messages that are not forgotten. */
  describe(): string {
    const outcomes = [...this.publications.values()].map(({ outcome }) => outcome);
    const count = (wanted: string): string =>
      `${outcomes.filter((outcome) => outcome === wanted).length} ${wanted}`;
    return `${this.#next - 1} (${['accepted', 'failed', 'pending'].map(count).join(', ')})`;
  }

  /** Forgets what came before a number, and is not to come any more. */
  forget(before: number): void {
    for (const number of this.publications.keys()) {
      if (number < before && !this.mayBeLate(number)) this.publications.delete(number);
    }
  }
}

/** One listener of a lane: what it heard, and in what times it may have missed something. */
export class Ear {
  readonly #violations: string[] = [];
  #heard = new Set<number>();
  #last = -1;
  #watchedFrom = Infinity;
  #lastAt = Date.now();
  #recoveredAt: number | undefined;
  #silence = 0;

  constructor(
    readonly name: string,
    readonly lane: Lane,
    /** Shared by all ears of a subscription, since only observers are told. */
    readonly gaps: PubSubGap[],
  ) {}

  /** The highest number that it heard. */
  get last(): number {
    return this.#last;
  }

  /** The longest time without a message, since {@link watch}. */
  get silence(): number {
    return this.#silence;
  }

  /** When it first heard a message that was sent after the time given to {@link watch}. */
  get recoveredAt(): number | undefined {
    return this.#recoveredAt;
  }

  hear(number: number): void {
    if (number < this.lane.first) return;
    const now = Date.now();
    if (this.#heard.has(number)) this.#violations.push(`${this.name}: ${number} came twice`);
    else if (number <= this.#last && !this.lane.mayBeLate(number)) {
      this.#violations.push(`${this.name}: ${number} came after ${this.#last}`);
    }
    this.#heard.add(number);
    this.#last = Math.max(this.#last, number);
    this.#silence = Math.max(this.#silence, now - this.#lastAt);
    this.#lastAt = now;
    const sentAt = this.lane.publications.get(number)?.sentAt ?? 0;
    if (this.#recoveredAt === undefined && sentAt >= this.#watchedFrom) this.#recoveredAt = now;
  }

  /** Forgets the silences so far. */
  rest(): void {
    this.#silence = 0;
    this.#lastAt = Date.now();
  }

  /** Waits for a message that is sent at `from` or later. */
  watch(from: number): void {
    this.#watchedFrom = from;
    this.#recoveredAt = undefined;
  }

  /** What Redis accepted, before a number, and it did not hear. */
  missing(before: number): Publication[] {
    return [...this.lane.publications.values()].filter(
      (it) => it.number < before && it.outcome === 'accepted' && !this.#heard.has(it.number),
    );
  }

  /** What must not be, in words: doubles, disorder, and losses that nobody told it of. */
  violations(before: number): string[] {
    const untold = this.missing(before).filter((it) => !this.gaps.some((gap) => covers(gap, it)));
    return [...this.#violations, ...untold.map((it) => this.#describe(it))];
  }

  /** Forgets what came before a number, and is not to come any more. */
  forget(before: number): void {
    const isKept = (number: number): boolean => number >= before || this.lane.mayBeLate(number);
    this.#heard = new Set([...this.#heard].filter(isKept));
  }

  #describe({ number, sentAt, settledAt }: Publication): string {
    const gaps = this.gaps.slice(-3).map(({ from, to }) => `${iso(from)}/${iso(to)}`);
    const when = `${iso(new Date(sentAt))}/${iso(new Date(settledAt))}`;
    return `${this.name}: ${number}, published ${when}, was lost outside of the gaps told: ${gaps.join(', ') || 'none'}`;
  }
}

/** Whether Redis may have published a message within a gap. */
function covers(gap: PubSubGap, { sentAt, settledAt }: Publication): boolean {
  return sentAt <= gap.to.getTime() && settledAt >= gap.from.getTime();
}

const iso = (date: Date): string => date.toISOString().slice(11, -1);
