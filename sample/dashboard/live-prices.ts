import { Injectable, type MessageEvent, type OnModuleInit } from '@nestjs/common';
import { latestByChannel, RedisPubSubService, type PubSubMessage } from 'nestjs-redis-pubsub';
import {
  buffer,
  debounceTime,
  defer,
  filter,
  interval,
  map,
  merge,
  of,
  pairwise,
  share,
  startWith,
  tap,
  type Observable,
} from 'rxjs';
import { TICKERS } from './channels.js';
import { PriceStore } from './price-store.js';
import { isTick, type Tick } from './tick.js';

/** How often a page gets the newest prices, in milliseconds. */
const INTERVAL_MS = 250;
const RATE_INTERVAL_MS = 1_000;

/**
 * The prices as server-sent events. All pages share one subscription, and the text of each event. A page gets the newest
 * price of a ticker only, however often it changes.
 */
@Injectable()
export class LivePrices implements OnModuleInit {
  #received = 0;
  #sent = 0;
  readonly #newest = new Map<string, number>();

  readonly #ticks = defer(() => this.pubsub.observePattern(TICKERS)).pipe(
    filter(hasTick),
    tap((tick) => this.#record(tick)),
    share(),
  );

  readonly #changes = this.#ticks.pipe(
    latestByChannel(INTERVAL_MS),
    tap(() => this.#sent++),
    inBatches(),
    map((ticks) => pricesEvent(Object.fromEntries(ticks.map(toEntry)))),
    share(),
  );

  readonly #rates = interval(RATE_INTERVAL_MS).pipe(
    startWith(0),
    map(() => this.#counts()),
    pairwise(),
    map(([before, now]) => ratesEvent(before, now)),
    share(),
  );

  constructor(
    private readonly pubsub: RedisPubSubService,
    private readonly store: PriceStore,
  ) {}

  /** The newest price of each ticker is known before a page is opened. The subscription ends with the application. */
  onModuleInit(): void {
    this.#ticks.subscribe();
  }

  /** The newest prices of all tickers, then the changes. */
  stream(): Observable<MessageEvent> {
    const all = defer(() => of(pricesEvent(Object.fromEntries(this.#newest))));
    return merge(all, this.#changes, this.#rates);
  }

  #record(message: PubSubMessage<Tick>): void {
    this.#received++;
    this.#newest.set(...toEntry(message));
  }

  #counts() {
    const { stored, replaced } = this.store.counts;
    return { received: this.#received, sent: this.#sent, stored, replaced, at: performance.now() };
  }
}

type Counts = Readonly<Record<'received' | 'sent' | 'stored' | 'replaced' | 'at', number>>;

/** Joins what is emitted at once. */
function inBatches<T>() {
  return (source: Observable<T>): Observable<T[]> => {
    const shared = source.pipe(share());
    return shared.pipe(buffer(shared.pipe(debounceTime(0))));
  };
}

function hasTick(message: PubSubMessage): message is PubSubMessage<Tick> {
  return isTick(message.data);
}

function toEntry({ params, data }: PubSubMessage<Tick>): [symbol: string, price: number] {
  return [params.symbol ?? '', data.price];
}

function pricesEvent(prices: Readonly<Record<string, number>>): MessageEvent {
  return { type: 'prices', data: JSON.stringify(prices) };
}

/** How many messages of each kind there are in a second. */
function ratesEvent({ at, ...before }: Counts, { at: until, ...now }: Counts): MessageEvent {
  const seconds = (until - at) / 1_000;
  const rate = (name: keyof typeof now): number => Math.round((now[name] - before[name]) / seconds);
  const data = {
    received: rate('received'),
    sent: rate('sent'),
    stored: rate('stored'),
    replaced: rate('replaced'),
  };
  return { type: 'rates', data };
}
