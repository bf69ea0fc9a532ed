import { Controller, Headers as FromHeaders, Param, Sse, type MessageEvent } from '@nestjs/common';
// Nest loads it when it creates an application; on a busy machine a test would wait for it.
import '@nestjs/platform-express';
import { RedisPubSubModule } from 'nestjs-redis-pubsub';
import { ResumableStreams } from 'nestjs-redis-pubsub/resumable';
import { of, type Observable } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { openStream } from '../../support/event-stream.js';
import { eventually, useRedis } from '../../support/redis.js';
import { startHttpApp } from '../module/apps.js';
import { answerOf, ManualSource } from './resumable-app.js';

@Controller('answers')
class Answers {
  constructor(private readonly streams: ResumableStreams) {}

  @Sse(':id')
  stream(
    @Param('id') id: string,
    @FromHeaders('last-event-id') lastEventId?: string,
  ): Observable<MessageEvent> {
    return this.streams.readEvents(id, { lastEventId });
  }
}

interface StreamEvent {
  readonly type: string;
  readonly id: string;
  readonly data: unknown;
}

/** The events of a stream, as a browser reads them. */
function eventsOf(text: string): StreamEvent[] {
  return text
    .split('\n\n')
    .filter((block) => block.includes('data: '))
    .map((block) => {
      // The lines of an event end with nothing but a line feed.
      const field = (name: string): string =>
        block
          .split('\n')
          .find((line) => line.startsWith(`${name}: `))
          ?.slice(name.length + 2) ?? '';
      return { type: field('event'), id: field('id'), data: JSON.parse(field('data')) as unknown };
    });
}

/** All events of a stream that has ended. */
async function readAll(url: string, id: string, lastEventId?: string): Promise<StreamEvent[]> {
  const headers = new Headers();
  if (lastEventId !== undefined) headers.set('last-event-id', lastEventId);
  const response = await fetch(`${url}/answers/${id}`, { headers });
  return eventsOf(await response.text());
}

describe('a stream as server-sent events', () => {
  const redis = useRedis();

  async function start() {
    const { app } = await startHttpApp({
      imports: [RedisPubSubModule.forRoot({ connection: redis.url })],
      controllers: [Answers],
      // Without options it is a provider by itself.
      providers: [ResumableStreams],
    });
    const url = await app.getUrl();
    return { app, streams: app.get(ResumableStreams), url };
  }

  it('has each chunk as JSON with a position, and the end', async () => {
    const [one, other] = [await start(), await start()];
    const answer = answerOf(24);
    await (
      await one.streams.start('text', of(...answer))
    ).done;
    const all = await readAll(other.url, 'text');
    expect(all.slice(0, -1).map(({ data }) => data)).toEqual(answer);
    expect(all.at(-1)).toMatchObject({ type: 'end', data: { outcome: 'completed' } });
    expect(new Set(all.slice(0, -1).map(({ id }) => id)).size).toBe(24);
    const rest = await readAll(one.url, 'text', all[9]?.id);
    expect(rest).toEqual(all.slice(10));
    expect(await readAll(one.url, 'text', all.at(-1)?.id)).toEqual(all.slice(-1));
  });

  it.each(['1', '', 'anything', `${'x'.repeat(11)}.3`])(
    'begins again after the unknown event %j',
    async (lastEventId) => {
      const app = await start();
      const id = `unknown-${lastEventId.length}`;
      await (
        await app.streams.start(id, of('a', 'b'))
      ).done;
      const events = await readAll(app.url, id, lastEventId);
      expect(events.map(({ type, data }) => [type, data])).toEqual([
        ['restart', {}],
        ['', 'a'],
        ['', 'b'],
        ['end', { outcome: 'completed' }],
      ]);
    },
  );

  it('goes on live at another instance, and tells of a stop', async () => {
    const [one, other] = [await start(), await start()];
    const source = new ManualSource<string>();
    await one.streams.start('live', source);
    const stream = await openStream(`${other.url}/answers/live`);
    source.give('a');
    await eventually(() => stream.text.includes('"a"'));
    await other.streams.stop('live');
    await eventually(() => stream.hasEnded);
    expect(eventsOf(stream.text).map(({ type, data }) => [type, data])).toEqual([
      ['', 'a'],
      ['end', { outcome: 'stopped' }],
    ]);
  });

  it('has the reason of a failure, and nothing else of it', async () => {
    const app = await start();
    expect(await readAll(app.url, 'none')).toEqual([
      { type: 'failure', id: '0', data: { reason: 'absent' } },
    ]);
    const source = new ManualSource<string>();
    const writing = await app.streams.start('broken', source);
    source.give('half');
    source.end(new Error('the key sk-123 is wrong'));
    await writing.done.catch(() => undefined);
    const [chunk, failure] = await readAll(app.url, 'broken');
    expect(failure).toEqual({ type: 'failure', id: chunk?.id, data: { reason: 'failed' } });
  });

  it('says nothing when its own instance closes, so that the browser goes on elsewhere', async () => {
    const [one, other] = [await start(), await start()];
    const source = new ManualSource<string>();
    await other.streams.start('moved', source);
    source.give('a');
    const stream = await openStream(`${one.url}/answers/moved`);
    await eventually(() => stream.text.includes('"a"'));
    await one.app.close();
    await eventually(() => stream.hasEnded);
    const events = eventsOf(stream.text);
    expect(events.map(({ data }) => data)).toEqual(['a']);
    source.give('b');
    source.end();
    const rest = await readAll(other.url, 'moved', events[0]?.id);
    expect(rest.map(({ data }) => data)).toEqual(['b', { outcome: 'completed' }]);
  });
});
