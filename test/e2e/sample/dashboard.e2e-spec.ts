import { describe, expect, it } from 'vitest';
import { symbolsOf } from '../../../sample/dashboard/tick.js';
import { eventually, useRedis } from '../../support/redis.js';
import { startDashboard } from './dashboard-process.js';
import type { EventStream } from './event-stream.js';

type Prices = Readonly<Record<string, number>>;
type Rates = Readonly<Record<'received' | 'sent' | 'stored' | 'replaced', number>>;

const pricesOf = (stream: EventStream, symbol: string): number[] =>
  stream.of<Prices>('prices').flatMap((prices) => prices[symbol] ?? []);

describe('the dashboard', () => {
  const redis = useRedis();

  /** Publishes so many prices of a ticker at once, the last of which is `count`. */
  async function burst(symbol: string, count: number): Promise<void> {
    const pipeline = redis.client.pipeline();
    for (let price = 1; price <= count; price++) {
      pipeline.publish(`market:ticker:${symbol}`, JSON.stringify({ price }));
    }
    await pipeline.exec();
  }

  it('sends the newest prices only, and always the last one, which it stores', async () => {
    const dashboard = await startDashboard({ REDIS_URL: redis.url, RATE: '0' });
    const streams = [dashboard.stream(), dashboard.stream()];
    for (const stream of streams) await stream.has('rates');
    await Promise.all(['ONE', 'TWO'].map((symbol) => burst(symbol, 5_000)));
    for (const stream of streams) {
      for (const symbol of ['ONE', 'TWO']) {
        await stream.until(() => pricesOf(stream, symbol).at(-1) === 5_000);
        expect(pricesOf(stream, symbol).length).toBeLessThan(500);
        expect(pricesOf(stream, symbol)).toEqual(
          pricesOf(stream, symbol).toSorted((one, other) => one - other),
        );
      }
      const sum = (name: keyof Rates) =>
        stream.of<Rates>('rates').reduce((total, rates) => total + rates[name], 0);
      await stream.until(() => sum('stored') + sum('replaced') > 9_000);
      expect(sum('received')).toBeGreaterThan(9_000);
      expect(sum('sent')).toBeLessThan(1_000);
      expect(sum('replaced')).toBeGreaterThan(5_000);
    }
    await eventually(async () => {
      const stored = (await (await fetch(`${dashboard.url}/stored`)).json()) as Prices;
      return stored.ONE === 5_000 && stored.TWO === 5_000;
    });
    // A page that is opened now begins with the newest prices.
    const late = dashboard.stream();
    await late.has('prices');
    expect(late.of('prices')[0]).toEqual({ ONE: 5_000, TWO: 5_000 });
  });

  it('has the prices of all tickers of its worker, in another process', async () => {
    const dashboard = await startDashboard({ REDIS_URL: redis.url, TICKERS: '30', RATE: '40' });
    const stream = dashboard.stream();
    const all = () => new Set(stream.of<Prices>('prices').flatMap((prices) => Object.keys(prices)));
    await stream.until(() => all().size >= 30);
    expect([...all()].toSorted()).toEqual(symbolsOf(30));
    await stream.until(() => stream.of<Rates>('rates').some((it) => it.received > 2 * it.sent));
    expect(await redis.client.pubsub('NUMPAT')).toBe(1);
  });

  it('ignores the payloads of other clients that are no prices', async () => {
    const dashboard = await startDashboard({ REDIS_URL: redis.url, RATE: '0' });
    const stream = dashboard.stream();
    await stream.has('rates');
    for (const payload of ['no JSON', '7', 'null', '{}', '{"price":"7"}', '{"price":null}']) {
      await redis.client.publish('market:ticker:BAD', payload);
    }
    await burst('GOOD', 3);
    await stream.until(() => pricesOf(stream, 'GOOD').at(-1) === 3);
    expect(pricesOf(stream, 'BAD')).toEqual([]);
  });

  it('serves a page that needs nothing from elsewhere', async () => {
    const { url } = await startDashboard({ REDIS_URL: redis.url, RATE: '0' });
    const response = await fetch(url);
    expect(response.headers.get('content-security-policy')).toBe("default-src 'self'");
    expect(await response.text()).not.toMatch(/https?:/);
  });

  it('ends on a signal, with its worker', async () => {
    const dashboard = await startDashboard({ REDIS_URL: redis.url });
    await dashboard.stream().has('rates');
    await dashboard.stop();
    expect(await dashboard.exited).toEqual({ code: 0, signal: null });
    await redis.patterns(0);
    expect(await redis.client.client('LIST')).not.toContain('worker');
  });

  it.each([
    ['TICKERS', 'many'],
    ['RATE', '-1'],
    ['PORT', '1.5'],
  ])('explains a wrong %s, and exits with 1', async (name, value) => {
    await expect(startDashboard({ REDIS_URL: redis.url, [name]: value })).rejects.toThrow(
      `Expected ${name} to be an integer ≥ 0`,
    );
  });
});
