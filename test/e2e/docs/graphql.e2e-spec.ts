import type { Type } from '@nestjs/common';
import { createClient } from 'graphql-ws';
import { WebSocket } from 'ws';
import { describe, expect, it } from 'vitest';
import { closeAfterTest } from '../../support/app.js';
import { sendJson, startPageApp } from '../../support/page-app.js';
import { loadPage } from '../../support/pages.js';
import { eventually, useRedis } from '../../support/redis.js';

describe('guide/graphql', () => {
  const redis = useRedis([]);

  it('sends a comment of one instance to the clients of the other one', async () => {
    const page = loadPage('guide/graphql', (code) =>
      code.replaceAll('redis://localhost:6379', redis.url),
    );
    const { AppModule } = await page.import<{ AppModule: Type }>('src/app.module.ts');
    const [one, other] = [await startPageApp(AppModule), await startPageApp(AppModule)];
    const client = createClient({
      url: `${one.url.replace('http', 'ws')}/graphql`,
      webSocketImpl: WebSocket,
    });
    closeAfterTest(async () => client.dispose());
    const received: unknown[] = [];
    client.subscribe(
      { query: 'subscription { commentAdded { text } }' },
      {
        next: ({ data }) => received.push(data?.commentAdded),
        error: (error) => received.push(error),
        complete: () => undefined,
      },
    );
    await redis.subscribers('comment.added', 1);
    const query = 'mutation { addComment(text: "hello") }';
    const response = await sendJson(`${other.url}/graphql`, 'POST', { query });
    expect(await response.json()).toEqual({ data: { addComment: true } });
    await eventually(() => received.length === 1);
    expect(received).toEqual([{ text: 'hello' }]);
  });
});
