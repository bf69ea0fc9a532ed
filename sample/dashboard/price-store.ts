import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { setTimeout as delay } from 'node:timers/promises';
import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';
import { ChannelParam, Subscribe, type TelemetryEvents } from 'nestjs-redis-pubsub';
import { TICKERS } from './channels.js';
import { isTick, type Tick } from './tick.js';

/** How long a write to the database takes, in milliseconds. */
const WRITE_MS = 5;

/**
 * Stores the newest price of each ticker in a slow database. While the write of a price waits, a newer price of the same
 * ticker takes its place. The last one is always stored.
 */
@Injectable()
export class PriceStore implements OnModuleInit, OnModuleDestroy {
  /** How many prices were written, and how many a newer one replaced. */
  readonly counts = { stored: 0, replaced: 0 };
  /** By symbols. Stands for the database. */
  readonly prices = new Map<string, number>();

  @Subscribe(TICKERS, { concurrency: 4, order: 'channel', overflow: 'latest' })
  async store(@ChannelParam('symbol') symbol: string, @Payload() tick: Tick): Promise<void> {
    if (!isTick(tick)) return;
    await delay(WRITE_MS);
    this.prices.set(symbol, tick.price);
    this.counts.stored++;
  }

  onModuleInit(): void {
    subscribe('nestjs-redis-pubsub:drop', this.#count);
  }

  onModuleDestroy(): void {
    unsubscribe('nestjs-redis-pubsub:drop', this.#count);
  }

  /** Called by the telemetry of the library. */
  readonly #count = (event: unknown): void => {
    const { reason } = event as TelemetryEvents['drop'];
    if (reason === 'conflated') this.counts.replaced++;
  };
}
