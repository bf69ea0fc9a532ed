/** Counts what is running, so that a shutdown can wait for it. */
export class InFlight {
  #running = 0;
  readonly #waiters = new Set<() => void>();

  get count(): number {
    return this.#running;
  }

  begin(): void {
    this.#running++;
  }

  /** As {@link begin}; returns what ends it, once. */
  hold(): () => void {
    this.begin();
    let isHeld = true;
    return () => {
      if (isHeld) this.end();
      isHeld = false;
    };
  }

  end(): void {
    this.#running--;
    if (this.#running > 0 || this.#waiters.size === 0) return;
    for (const resolve of this.#waiters) resolve();
  }

  /** Resolves when nothing is running, at the latest after `timeout` milliseconds. */
  async idle(timeout: number): Promise<void> {
    if (this.#running === 0) return;
    await new Promise<void>((resolve) => {
      const settle = (): void => {
        clearTimeout(timer);
        this.#waiters.delete(settle);
        resolve();
      };
      const timer = setTimeout(settle, timeout);
      this.#waiters.add(settle);
    });
  }
}
