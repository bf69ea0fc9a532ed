/** Counts what is running, so that a shutdown can wait for it. */
export class InFlight {
  #count = 0;
  readonly #waiters = new Set<() => void>();

  get count(): number {
    return this.#count;
  }

  /** Counts one more. */
  begin(): void {
    this.#count++;
  }

  /** As {@link begin}. Returns a function that ends it, and does nothing when it is called again. */
  hold(): () => void {
    this.begin();
    let isHeld = true;
    return () => {
      if (isHeld) this.end();
      isHeld = false;
    };
  }

  /** Counts one less. */
  end(): void {
    this.#count--;
    if (this.#count > 0 || this.#waiters.size === 0) return;
    for (const resolve of this.#waiters) resolve();
  }

  /** Resolves when nothing is running, or after `timeoutMs` milliseconds. */
  async idle(timeoutMs: number): Promise<void> {
    if (this.#count === 0) return;
    await new Promise<void>((resolve) => {
      const settle = (): void => {
        clearTimeout(timer);
        this.#waiters.delete(settle);
        resolve();
      };
      const timer = setTimeout(settle, timeoutMs);
      this.#waiters.add(settle);
    });
  }
}
