import { Controller, Get, Sse, type MessageEvent } from '@nestjs/common';
import type { Observable } from 'rxjs';
import { LivePrices } from './live-prices.js';
import { PriceStore } from './price-store.js';

/** Limit of the data that waits for a slow page, in characters. It opens another stream, which begins with all prices. */
const MAX_PENDING_CHARACTERS = 256 * 1024;

@Controller()
export class DashboardController {
  constructor(
    private readonly prices: LivePrices,
    private readonly store: PriceStore,
  ) {}

  @Get('stored')
  stored(): Record<string, number> {
    return Object.fromEntries(this.store.prices);
  }

  @Sse('stream', { maxPendingDataLength: MAX_PENDING_CHARACTERS })
  stream(): Observable<MessageEvent> {
    return this.prices.stream();
  }
}
