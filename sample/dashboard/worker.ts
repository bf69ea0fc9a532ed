// Publishes the prices of all tickers, as a service of its own would do. Redis' URL is in REDIS_URL.
import { Logger } from '@nestjs/common';
import { RedisPubSubClient } from 'nestjs-redis-pubsub';
import { channelOf, PREFIX } from './channels.js';
import { settings } from './settings.js';
import { symbolsOf, type Tick } from './tick.js';

/** Interval between two batches of prices, in milliseconds. */
const BATCH_MS = 20;
const FIRST_PRICE = 100;
/** The largest change of a price, as a part of it. */
const MAX_CHANGE = 0.004;

Logger.overrideLogger(['warn', 'error']);

const { tickers, rate } = settings;
const client = new RedisPubSubClient({
  connection: process.env.REDIS_URL,
  name: 'worker',
  prefix: PREFIX,
});
const channels = symbolsOf(tickers).map(channelOf);
const prices = channels.map(() => FIRST_PRICE);
let published = 0;

/** One ticker after the other: within a second, each has `rate` new prices. */
function publishNext(): void {
  const i = published++ % channels.length;
  const price = (prices[i] ?? FIRST_PRICE) * (1 + MAX_CHANGE * (2 * Math.random() - 1));
  prices[i] = price;
  const tick: Tick = { price: Number(price.toFixed(2)) };
  client.emit(channels[i] ?? '', tick);
}

await client.connect();
const start = performance.now();
const timer = setInterval(() => {
  const due = Math.floor(((performance.now() - start) / 1_000) * tickers * rate);
  while (published < due) publishNext();
}, BATCH_MS);

// The program that started it has ended.
process.once('disconnect', () => {
  clearInterval(timer);
  void client.close();
});
