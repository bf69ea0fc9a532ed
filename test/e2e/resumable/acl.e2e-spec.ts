import { RedisPubSubService, RedisPubSubModule } from 'nestjs-redis-pubsub';
import { ResumableStreams } from 'nestjs-redis-pubsub/resumable';
import { lastValueFrom, of, toArray } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { IN_MEMORY } from '../../support/in-memory.js';
import { useRedis } from '../../support/redis.js';
import { HAS_SHARDED } from '../../support/sharded.js';
import { startContext } from '../module/apps.js';
import { ManualSource, TestReader, type StreamsApp } from './resumable-app.js';

const READS = [
  '&resumable.*',
  '&_pubsub.*',
  '~_pubsub.history*',
  '+subscribe',
  '+unsubscribe',
  '+publish',
  '+ping',
  '+info',
  '+client',
  '+lrange',
];
const WRITES = ['+evalsha', '+eval', '+rpush', '+pexpire', '+lpush', '+ltrim', '+rpop'];

describe.skipIf(IN_MEMORY || !HAS_SHARDED)('the rights that resumable streams need', () => {
  const redis = useRedis();

  /** An instance whose user of Redis has these rights alone. */
  async function start(user: string, rules: readonly string[]): Promise<StreamsApp> {
    await redis.client.call('ACL', 'SETUSER', user, 'reset', 'on', '>secret', ...rules);
    const connection = `redis://${user}:secret@127.0.0.1:${redis.port}`;
    const { app, log } = await startContext({
      imports: [RedisPubSubModule.forRoot({ connection, introspection: false })],
      providers: [ResumableStreams],
    });
    return { app, log, streams: app.get(ResumableStreams), pubsub: app.get(RedisPubSubService) };
  }

  it('are those of a history, and less for instances that only read and stop', async () => {
    const writer = await start('writer', [...READS, ...WRITES]);
    const reader = await start('reader', READS);
    const source = new ManualSource<string>();
    const writing = await writer.streams.start('a', source);
    source.give('one');
    const found = new TestReader('a').open(reader);
    await found.has(1);
    await reader.streams.stop('a');
    expect(await writing.done).toBe('stopped');
    expect(await found.ended()).toBe('completed');
    await expect(reader.streams.start('b', of('x'))).rejects.toMatchObject({
      code: 'ERR_PUBSUB_PUBLISH',
    });
  });

  it('are told where they are missing', async () => {
    const app = await start(
      'nothing',
      READS.filter((it) => it !== '+lrange'),
    );
    const reader = new TestReader('a').open(app);
    await reader.ended();
    expect(reader.end).toMatchObject({ code: 'ERR_PUBSUB_QUERY' });
    const [event] = await lastValueFrom(app.streams.readEvents('a').pipe(toArray()));
    expect(event).toEqual({ type: 'failure', data: { reason: 'unreadable' }, id: '0' });
    expect(app.log.of('error')).toContainEqual(
      expect.stringMatching(/^Could not read the stream "a": Redis refused the query/),
    );
    await expect(app.streams.stop('a')).rejects.toMatchObject({ code: 'ERR_PUBSUB_QUERY' });
    const other = await start(
      'elsewhere',
      READS.filter((it) => it !== '&resumable.*'),
    );
    const refused = new TestReader('a').open(other);
    await refused.ended();
    expect(refused.end).toMatchObject({ code: 'ERR_PUBSUB_SUBSCRIBE' });
  });
});
