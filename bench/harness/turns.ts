/** Has those that are compared work one after the other, in the order in which they ask. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  /** Works as soon as everyone who asked before is done. */
  take<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => undefined);
    return result;
  }

  /** Takes so many turns, and resolves when the others have taken theirs. */
  async repeat<Result>(times: number, work: () => Promise<Result>): Promise<Result[]> {
    const results: Result[] = [];
    for (let i = 0; i < times; i++) results.push(await this.take(work));
    await this.take(() => Promise.resolve());
    return results;
  }
}
