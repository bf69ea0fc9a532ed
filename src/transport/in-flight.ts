/** Counts what is running, so that a shutdown can wait for it. */
export class InFlight {
  #running = 0;
  #onIdle: (() => void) | undefined;

  get count(): number {
    return this.#running;
  }

  begin(): void {
    this.#running++;
  }

  end(): void {
    this.#running--;
    if (this.#running === 0) this.#onIdle?.();
  }

  /** Resolves when nothing is running, at the latest after `timeout` milliseconds. */
  async idle(timeout: number): Promise<void> {
    if (this.#running === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, timeout);
      this.#onIdle = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
