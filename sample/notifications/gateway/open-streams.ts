import { HttpException, HttpStatus, Injectable } from '@nestjs/common';
import { defer, finalize, type Observable } from 'rxjs';
import { settings } from '../process/settings.js';

/** Counts the open streams of each user at this gateway, and limits them. */
@Injectable()
export class OpenStreams {
  readonly #counts = new Map<string, number>();

  /** Throws the response 429 if the user has as many open streams as a user can have. */
  check(userId: string): void {
    const limit = settings.streamLimit;
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
    if (count > 0) this.#counts.set(userId, count);
    else this.#counts.delete(userId);
  }
}
