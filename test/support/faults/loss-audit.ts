import type { NumberedChannel } from './numbered-channel.js';

/** What lies between two messages of one stream that arrived one after the other. */
interface Interval {
  readonly from: number;
  readonly to: number;
  /** How many messages the listener was told are lost. */
  readonly told: number;
  /** Messages in between that Redis accepted, and that did not arrive. */
  accepted: number;
  /** Messages in between whose PUBLISH failed: Redis may have published them nevertheless. */
  failed: number;
}

/**
 * Compares the losses that a listener is told with those that happened: the numbers of the publisher decide, and not the
 * ids of the messages. A listener must be told each loss between two messages of one stream, and no other.
 */
export class LossAudit {
  readonly #arrived = new Set<number>();
  readonly #lastOf = new Map<string, number>();
  #intervals: Interval[] = [];
  readonly #violations: string[] = [];
  #told = 0;
  #counted = 0;

  constructor(
    readonly name: string,
    readonly channel: NumberedChannel,
  ) {}

  /** How many messages the listener was told are lost, in all. */
  get counted(): number {
    return this.#counted;
  }

  /** The listener was told that messages before the next one are lost. */
  tell(count: number): void {
    this.#told += count;
    this.#counted += count;
  }

  /** A message arrived. */
  record(number: number, id: string | undefined): void {
    if (number < this.channel.first) return;
    const told = this.#told;
    this.#told = 0;
    this.#arrived.add(number);
    const stream = id?.slice(0, id.lastIndexOf('-')) ?? '';
    const from = this.#lastOf.get(stream);
    if (from === undefined && told > 0) {
      this.#violations.push(`${this.name}: ${told} told before ${number}, the first of its stream`);
    }
    this.#lastOf.set(stream, Math.max(number, from ?? number));
    if (from === undefined || (number === from + 1 && told === 0)) return;
    this.#intervals.push({ from, to: number, told, accepted: 0, failed: 0 });
  }

  /** Describes each difference of the messages before a number, of which every outcome is known. */
  violations(before: number): string[] {
    for (const interval of this.#intervals) this.#count(interval, before);
    const complete = this.#intervals.filter(({ to }) => to <= before);
    this.#intervals = this.#intervals.filter(({ to }) => to > before);
    const wrong = complete.filter(
      ({ told, accepted, failed }) => told < accepted || told > accepted + failed,
    );
    for (const number of this.#arrived) if (number < before) this.#arrived.delete(number);
    return [...this.#violations.splice(0), ...wrong.map((it) => this.#describe(it))];
  }

  /** Publications are removed after each check: those of an interval that is not complete are counted before. */
  #count(interval: Interval, before: number): void {
    for (const { number, outcome } of this.channel.publications.values()) {
      const isInside = number > interval.from && number < Math.min(interval.to, before);
      if (!isInside) continue;
      if (outcome === 'failed') interval.failed++;
      else if (!this.#arrived.has(number)) interval.accepted++;
    }
  }

  #describe({ from, to, told, accepted, failed }: Interval): string {
    return `${this.name}: ${told} told as lost between ${from} and ${to}, where ${accepted} were (and up to ${failed} more)`;
  }
}
