import { HttpException, HttpStatus, Inject, Injectable } from '@nestjs/common';
import { defer, finalize, type Observable } from 'rxjs';
import { spreadOf } from './spread.js';
import { serviceSettings, type ServiceSettings } from '../process/settings.module.js';

/** Counts the open streams of each user at this gateway, and limits them. */
@Injectable()
export class OpenStreams {
  readonly #limit: number;
  readonly #counts = new Map<string, number>();
  #total = 0;

  constructor(@Inject(serviceSettings.KEY) { streamLimit }: ServiceSettings) {
    this.#limit = streamLimit;
  }

  /** The time over which the pages of these streams spread what they do at once, in milliseconds. */
  get spreadMs(): number {
    return spreadOf(this.#total);
  }

  /** Throws the response 429 if the user has as many open streams as a user can have. */
  check(userId: string): void {
    const limit = this.#limit;
    if (this.#countOf(userId) < limit) return;
    throw new HttpException(
      `You have ${limit} open streams. Close a tab first.`,
      HttpStatus.TOO_MANY_REQUESTS,
    );
  }

  /** The same stream, counted while it is open. */
  count<Event>(userId: string, stream: Observable<Event>): Observable<Event> {
    return defer(() => {
      this.#set(userId, this.#countOf(userId) + 1);
      return stream.pipe(finalize(() => this.#set(userId, this.#countOf(userId) - 1)));
    });
  }

  #countOf(userId: string): number {
    return this.#counts.get(userId) ?? 0;
  }

  #set(userId: string, count: number): void {
    this.#total += count - this.#countOf(userId);
    if (count > 0) this.#counts.set(userId, count);
    else this.#counts.delete(userId);
  }
}
