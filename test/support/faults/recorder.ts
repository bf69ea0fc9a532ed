import type { PubSubGap } from 'nestjs-redis-pubsub';
import type { NumberedChannel, Publication } from './numbered-channel.js';

/** Records which messages of a channel arrive at one listener, and finds lost, duplicate and disordered ones. */
export class Recorder {
  readonly #violations: string[] = [];
  /** When each number first arrived. */
  #arrivals = new Map<number, number>();
  #last = -1;
  #lastAt = Date.now();
  #longestSilence = 0;

  constructor(
    /** The name of the listener in messages of violations. */
    readonly name: string,
    readonly channel: NumberedChannel,
    /** A handler and an observer of one subscription share the gaps, because only observers get them. */
    readonly gaps: PubSubGap[] = [],
  ) {}

  /** The highest number that arrived; -1 if none did. */
  get last(): number {
    return this.#last;
  }

  /** The longest time without a message since {@link resetSilence}, in milliseconds. */
  get longestSilence(): number {
    return this.#longestSilence;
  }

  /** Whether the last message that Redis accepted arrived. */
  get hasLastAccepted(): boolean {
    return this.#last === this.channel.lastAccepted?.number;
  }

  /** Records the arrival of a message. */
  record(number: number, at = Date.now()): void {
    if (number < this.channel.first) return;
    if (this.#arrivals.has(number)) this.#violations.push(`${this.name}: ${number} came twice`);
    else if (number <= this.#last && !this.channel.mayBeLate(number)) {
      this.#violations.push(`${this.name}: ${number} came after ${this.#last}`);
    }
    if (!this.#arrivals.has(number)) this.#arrivals.set(number, at);
    this.#last = Math.max(this.#last, number);
    this.#longestSilence = Math.max(this.#longestSilence, at - this.#lastAt);
    this.#lastAt = at;
  }

  /** Measures the silences from now on. */
  resetSilence(): void {
    this.#longestSilence = 0;
    this.#lastAt = Date.now();
  }

  /** When the first message arrived that was sent after a time; undefined if none did. */
  recoveredAt(sentAfter: number): number | undefined {
    for (const [number, at] of this.#arrivals) if (this.#sentAt(number) > sentAfter) return at;
    return undefined;
  }

  /** Whether the highest number that arrived was sent after a time. */
  hasRecovered(sentAfter: number): boolean {
    return this.#sentAt(this.#last) > sentAfter;
  }

  /** The messages before a number, sent after a time, that Redis accepted and that did not arrive. */
  lost(before = Infinity, sentAfter = -Infinity): Publication[] {
    return [...this.channel.publications.values()].filter(
      ({ number, sentAt, outcome }) =>
        number < before &&
        sentAt > sentAfter &&
        outcome === 'accepted' &&
        !this.#arrivals.has(number),
    );
  }

  /** Describes duplicates, disorder, and the {@link lost} messages outside of every gap. */
  violations(before = Infinity, sentAfter = -Infinity): string[] {
    const unreported = this.lost(before, sentAfter).filter(
      (it) => !this.gaps.some((gap) => covers(gap, it)),
    );
    return [...this.#violations, ...unreported.map((it) => this.#describe(it))];
  }

  /** Removes the arrivals before a number, except those of messages that may arrive twice. */
  removeBefore(before: number): void {
    this.#arrivals = new Map(
      [...this.#arrivals].filter(([number]) => number >= before || this.channel.mayBeLate(number)),
    );
  }

  #sentAt(number: number): number {
    return this.channel.publications.get(number)?.sentAt ?? 0;
  }

  #describe({ number, sentAt, settledAt }: Publication): string {
    const gaps = this.gaps.slice(-3).map(({ from, to }) => `${iso(from)}/${iso(to)}`);
    const when = `${iso(new Date(sentAt))}/${iso(new Date(settledAt))}`;
    return `${this.name}: ${number}, published ${when}, was lost outside of the reported gaps: ${gaps.join(', ') || 'none'}`;
  }
}

/** Whether Redis may have published a message within a gap. */
function covers(gap: PubSubGap, { sentAt, settledAt }: Publication): boolean {
  return sentAt <= gap.to.getTime() && settledAt >= gap.from.getTime();
}

const iso = (date: Date): string => date.toISOString().slice(11, -1);
