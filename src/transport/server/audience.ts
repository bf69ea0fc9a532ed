/** How long the replies of a stream may reach nobody, in milliseconds: whoever asked may be on the way back. */
const PATIENCE = 5_000;

/**
 * What became of a reply. `lost`: nobody knows, for the connection was lost. `refused`: it will be the
 * same with the next one.
 */
export type ReplyOutcome = 'heard' | 'unheard' | 'lost' | 'refused';

/** Whether anybody is there yet for the replies of a stream. */
export class Audience {
  #unheardSince: number | undefined;

  /** Returns whether the stream is to go on after a reply. */
  remains(outcome: ReplyOutcome): boolean {
    if (outcome !== 'unheard') {
      if (outcome === 'heard') this.#unheardSince = undefined;
      return outcome !== 'refused';
    }
    const now = performance.now();
    this.#unheardSince ??= now;
    return now - this.#unheardSince < PATIENCE;
  }
}
