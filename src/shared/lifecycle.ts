/**
 * Where something stands that is opened, closed, and may be opened again. An answer that arrives late
 * compares the {@link generation} of its question with the current one.
 */
export class Lifecycle {
  #generation = 0;
  #state: 'new' | 'open' | 'closed' = 'new';
  #closing: Promise<void> | undefined;

  /** Grows by one with each call of {@link close}. */
  get generation(): number {
    return this.#generation;
  }

  /** Whether it was opened, and not closed since. */
  get isOpen(): boolean {
    return this.#state === 'open';
  }

  /** Whether it was closed, and not opened since. */
  get isClosed(): boolean {
    return this.#state === 'closed';
  }

  /** Marks it open; returns the {@link generation}. */
  open(): number {
    this.#state = 'open';
    return this.#generation;
  }

  /**
   * Settles when no close is in progress. Another close may begin before the caller goes on: compare the
   * {@link generation} of before with {@link isCurrent}.
   */
  get closing(): Promise<void> | undefined {
    return this.#closing;
  }

  /** Whether it was not closed since it had this {@link generation}. */
  isCurrent(generation: number): boolean {
    return generation === this.#generation;
  }

  /** Marks it closed: whatever was begun in an earlier generation is out of date. */
  markClosed(): void {
    this.#generation++;
    this.#state = 'closed';
  }

  /** Marks it closed, and runs `work`, which must not reject. Calls that come while it runs share its outcome. */
  close(work: () => Promise<void>): Promise<void> {
    this.markClosed();
    this.#closing ??= work().finally(() => {
      this.#closing = undefined;
    });
    return this.#closing;
  }
}
