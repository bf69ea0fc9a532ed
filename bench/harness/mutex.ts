/** Runs the tasks of all candidates one at a time, in the order of the calls. */
export class Mutex {
  #last: Promise<unknown> = Promise.resolve();

  /** Runs `work` when the tasks of all earlier calls have settled. */
  runExclusive<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => undefined);
    return result;
  }

  /** Runs `work` the given number of times, alternately with other callers, and waits for their last run. */
  async repeat<Result>(times: number, work: () => Promise<Result>): Promise<Result[]> {
    const results: Result[] = [];
    for (let i = 0; i < times; i++) results.push(await this.runExclusive(work));
    await this.runExclusive(() => Promise.resolve());
    return results;
  }
}
