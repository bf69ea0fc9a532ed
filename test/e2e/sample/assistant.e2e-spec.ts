import { describe, expect, it } from 'vitest';
import { tokensOf } from '../../../sample/assistant/model.js';
import { closeAfterTest } from '../../support/app.js';
import { openStream } from '../../support/event-stream.js';
import { sendJson } from '../../support/page-app.js';
import { eventually, useRedis } from '../../support/redis.js';
import { AssistantProcess, gone } from './sample-process.js';

/** The text of an answer as a browser puts it together. */
function textOf(stream: string): string {
  const pieces = stream
    .split('\n')
    .filter((line) => line.startsWith('data: '))
    .map((line) => JSON.parse(line.slice(6)) as { readonly text?: string });
  return pieces.map(({ text = '' }) => text).join('');
}

describe('the assistant', () => {
  const redis = useRedis();

  async function start(env: NodeJS.ProcessEnv = {}) {
    const sample = new AssistantProcess({ REDIS_URL: redis.url, TOKEN_DELAY: '1', ...env });
    closeAfterTest(() => sample.stop());
    const [first = '', second = ''] = (await sample.ready()).urls;
    const ask = async (prompt: string): Promise<string> => {
      const response = await sendJson(`${first}/api/answers`, 'POST', { prompt });
      expect(response.status).toBe(201);
      return ((await response.json()) as { id: string }).id;
    };
    return { sample, first, second, ask };
  }

  it('answers at both instances, from any event on', async () => {
    const { first, second, ask } = await start();
    const id = await ask('What is new?');
    const stream = await openStream(`${second}/api/answers/${id}/stream`);
    await eventually(() => stream.hasEnded);
    const whole = tokensOf('What is new?').join('');
    expect(textOf(stream.text)).toBe(whole);
    const ids = [...stream.text.matchAll(/^id: (.*)$/gm)].map(([, it = '']) => it);
    const after = encodeURIComponent(ids[200] ?? '');
    const rest = await openStream(`${first}/api/answers/${id}/stream?after=${after}`);
    await eventually(() => rest.hasEnded);
    // The first event has what was asked.
    expect(textOf(rest.text)).toBe(tokensOf('What is new?').slice(200).join(''));
  });

  it('is stopped at the other instance', async () => {
    const { first, second, ask } = await start({ TOKEN_DELAY: '50' });
    const id = await ask('Long');
    const stream = await openStream(`${first}/api/answers/${id}/stream`);
    await eventually(() => stream.text.includes('Long'));
    const stopped = await sendJson(`${second}/api/answers/${id}/stop`, 'POST', {});
    expect(stopped.status).toBe(204);
    await eventually(() => stream.hasEnded);
    expect(stream.text).toContain('{"outcome":"stopped"}');
  });

  it('refuses wrong requests, and those of other pages', async () => {
    const { first } = await start();
    const answers = `${first}/api/answers`;
    for (const body of [{}, { prompt: '' }, { prompt: 7 }, { prompt: 'x'.repeat(501) }]) {
      expect((await sendJson(answers, 'POST', body)).status).toBe(400);
    }
    expect((await fetch(`${answers}/not-an-id/stream`)).status).toBe(400);
    const unknown = '00000000-0000-4000-8000-000000000000';
    expect((await sendJson(`${answers}/${unknown}/stop`, 'POST', {})).status).toBe(410);
    const elsewhere = { origin: 'http://evil.example', 'content-type': 'application/json' };
    const body = JSON.stringify({ prompt: 'x' });
    const forged = await fetch(answers, { method: 'POST', headers: elsewhere, body });
    expect(forged.status).toBe(403);
    const page = await fetch(first);
    expect(page.headers.get('content-security-policy')).toContain("default-src 'self'");
    expect(await page.text()).toContain('<title>Assistant sample</title>');
  });

  it('starts its own Redis, restarts it, and stops all of it with SIGTERM in the middle of an answer', async () => {
    const { sample, first, ask } = await start({ REDIS_URL: undefined, TOKEN_DELAY: '8' });
    const id = await ask('Restart');
    const stream = await openStream(`${first}/api/answers/${id}/stream`);
    await eventually(() => stream.text.includes('Restart'));
    const descendants = await sample.descendants();
    const server = descendants.find(({ command }) => command.includes(`:${sample.redisPort}`));
    process.kill(server?.pid ?? NaN, 'SIGKILL');
    await eventually(() => sample.output.includes('Redis is running again'));
    await eventually(() => stream.hasEnded);
    expect(textOf(stream.text)).toBe(tokensOf('Restart').join(''));
    await ask('Stopped by the end of the process');
    const all = await sample.descendants();
    await sample.stop();
    expect((await sample.exited).code).toBe(0);
    await gone(all);
  }, 60_000);
});
