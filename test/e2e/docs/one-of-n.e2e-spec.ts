import type { Type } from '@nestjs/common';
import { firstValueFrom } from 'rxjs';
import { describe, expect, it, vi } from 'vitest';
import { createClient, startService } from '../../support/app.js';
import { loadPage } from '../../support/pages.js';
import { eventually, useRedis } from '../../support/redis.js';

describe('the example of the page on groups', () => {
  const redis = useRedis();

  it('writes each invoice once, and answers each request once', async () => {
    const page = loadPage('guide/one-of-n');
    const { Billing } = await page.import<{ Billing: Type }>('src/billing.ts');
    const lines: string[] = [];
    const write = vi.spyOn(console, 'log').mockImplementation((line) => void lines.push(line));
    const options = { connection: redis.url };
    for (let i = 0; i < 3; i++) {
      await startService({ module: class {}, controllers: [Billing] }, options);
    }
    const client = createClient(options);
    await client.connect();
    for (const id of [1, 2, 3]) await firstValueFrom(client.emit('order.paid', { id }));
    expect(await firstValueFrom(client.send('invoice.get', 7))).toEqual({ id: 7, state: 'open' });
    await eventually(() => lines.length >= 3);
    write.mockRestore();
    expect(lines.toSorted()).toEqual([1, 2, 3].map((id) => `invoice for order ${id}`));
  });
});
