import type { Subscription } from 'rxjs';
import type { RecoverOptions, RedisPubSubService } from 'nestjs-redis-pubsub';

/** What `onSubscribed` said: the messages before are not known. */
export const RESYNC = 'resync';

/** A message, by its number, or the news that messages are lost. */
export type Entry = number | typeof RESYNC;

/** A client that goes on where it was, at any process. Messages with a number below 0 are none of its own. */
export class ResumingClient {
  readonly transcript: Entry[] = [];
  /** How often Redis has acknowledged its subscription. */
  outcomes = 0;
  readonly #options: Pick<RecoverOptions, 'mode' | 'sharded'>;
  #since: string | undefined;
  #subscription: Subscription | undefined;

  constructor(
    readonly channel: string,
    options: Pick<RecoverOptions, 'mode' | 'sharded'> = {},
  ) {
    this.#options = options;
  }

  get mode(): RecoverOptions['mode'] {
    return this.#options.mode;
  }

  observe({ service }: { readonly service: RedisPubSubService }): void {
    this.leave();
    const messages = service.observe<number>(this.channel, {
      ...this.#options,
      recover: true,
      since: this.#since,
      onSubscribed: ({ recovered, position }) => {
        this.outcomes++;
        if (!recovered) this.transcript.push(RESYNC);
        this.#since = position;
      },
    });
    this.#subscription = messages.subscribe(({ data, position }) => {
      this.#since = position;
      if (data >= 0) this.transcript.push(data);
    });
  }

  leave(): void {
    this.#subscription?.unsubscribe();
  }
}

/** The messages that a transcript has twice, or in another order; and those that it lacks without a word. */
export function faultsOf(
  transcript: readonly Entry[],
  source: readonly number[],
  mode: RecoverOptions['mode'] = 'all',
): string[] {
  if (mode === 'last') return faultsOfLast(transcript, source);
  let last = -1;
  let isKnown = false;
  const faults: string[] = [];
  for (const entry of transcript) {
    if (entry === RESYNC) {
      isKnown = false;
      continue;
    }
    const at = source.indexOf(entry);
    if (at <= last) faults.push(`${entry} again`);
    else if (isKnown && at !== last + 1) faults.push(`a hole before ${entry}`);
    last = Math.max(at, last);
    isKnown = true;
  }
  if (last !== source.length - 1) faults.push('no end');
  return faults;
}

/** Messages may be missing, and another server may have an older one. */
function faultsOfLast(transcript: readonly Entry[], source: readonly number[]): string[] {
  let last = -1;
  const faults: string[] = [];
  for (const entry of transcript) {
    const at = entry === RESYNC ? -1 : source.indexOf(entry);
    if (entry !== RESYNC && at <= last) faults.push(`${entry} again`);
    last = at;
  }
  if (last !== source.length - 1) faults.push('no end');
  return faults;
}
