import type { Type } from '@nestjs/common';
import { beforeAll, describe, expect, it } from 'vitest';
import { openStream } from '../../support/event-stream.js';
import { sendJson, startPageApp } from '../../support/page-app.js';
import { loadPage } from '../../support/pages.js';
import { eventually, useRedis } from '../../support/redis.js';

/** The chunks, and the data of the end, as the page reads them. */
const dataOf = (text: string): unknown[] =>
  [...text.matchAll(/^data: (.*)$/gm)].map(([, data = '']) => JSON.parse(data) as unknown);

describe('guide/resumable-streams', () => {
  const redis = useRedis();
  let AppModule: Type;
  beforeAll(async () => {
    const page = loadPage('guide/resumable-streams', (code) =>
      code.replaceAll('redis://localhost:6379', redis.url),
    );
    ({ AppModule } = await page.import<{ AppModule: Type }>('src/app.module.ts'));
  });

  it('answers a prompt, which another instance reads, from any chunk on', async () => {
    const [one, other] = [await startPageApp(AppModule), await startPageApp(AppModule)];
    const asked = await sendJson(`${one.url}/answers`, 'POST', { prompt: 'What is new?' });
    const { id } = (await asked.json()) as { id: string };
    const words = ['You ', 'asked: ', 'What ', 'is ', 'new? ', { outcome: 'completed' }];
    const stream = await openStream(`${other.url}/answers/${id}`);
    await eventually(() => stream.hasEnded);
    expect(dataOf(stream.text)).toEqual(words);
    const [, second = ''] = [...stream.text.matchAll(/^id: (.*)$/gm)].map(([, it]) => it ?? '');
    const rest = await fetch(`${one.url}/answers/${id}`, { headers: { 'last-event-id': second } });
    expect(dataOf(await rest.text())).toEqual(words.slice(2));
  });

  it('is stopped at another instance', async () => {
    const [one, other] = [await startPageApp(AppModule), await startPageApp(AppModule)];
    const prompt = 'word '.repeat(20_000);
    const asked = await sendJson(`${one.url}/answers`, 'POST', { prompt });
    const { id } = (await asked.json()) as { id: string };
    const stream = await openStream(`${one.url}/answers/${id}`);
    await eventually(() => stream.text.includes('word'));
    const stopped = await sendJson(`${other.url}/answers/${id}/stop`, 'POST', {});
    expect(stopped.status).toBe(204);
    await eventually(() => stream.hasEnded);
    expect(dataOf(stream.text).at(-1)).toEqual({ outcome: 'stopped' });
  });
});
