import { setTimeout as delay } from 'node:timers/promises';
import { ResumableStreams } from 'nestjs-redis-pubsub/resumable';
import { afterEach, describe, expect, it } from 'vitest';
import { useCluster } from '../../support/cluster.js';
import { eventually } from '../../support/redis.js';
import type { StreamsApp } from '../resumable/resumable-app.js';
import { answerOf, TestReader } from '../resumable/resumable-app.js';
import { at, startClusterApp } from './cluster-app.js';

const CHUNKS = 500;
const LOST_AFTER_MS = 20_000;

describe('a resumable stream in a Cluster', () => {
  const cluster = useCluster();
  afterEach(() => cluster().recover());

  it.each([false, true])(
    'is whole for each reader, while the owner of its slot is killed (sharded: %s)',
    async (sharded) => {
      const [first, second] = await cluster().masters();
      const start = async (node: typeof first): Promise<StreamsApp> => {
        const { app, service, log } = await startClusterApp({ connection: at(node!), sharded });
        const streams = new ResumableStreams(service, { writerTimeout: LOST_AFTER_MS });
        return { app, streams, pubsub: service, log };
      };
      const [writer, other] = [await start(first), await start(second)];
      const id = `killed-${String(sharded)}`;
      const owner = await cluster().ownerOf(`resumable.${id}`);
      const answer = answerOf(CHUNKS);
      async function* source() {
        for (const [i, chunk] of answer.entries()) {
          if (i === CHUNKS / 2) await owner.kill();
          await delay(2);
          yield chunk;
        }
      }
      const writing = await writer.streams.start(id, source());
      const readers = [writer, other, other].map((app) => new TestReader(id).open(app));
      await readers[2]?.has(100);
      readers[2]?.close();
      await eventually(() => (readers[1]?.chunks.length ?? 0) > CHUNKS / 2);
      readers[2]?.open(writer, { startTimeout: LOST_AFTER_MS });
      for (const reader of readers) {
        expect(await reader.ended()).toBe('completed');
        expect(reader.data).toEqual(answer);
      }
      expect(await writing.done).toBe('completed');
      const late = new TestReader(id).open(other);
      expect(await late.ended()).toBe('completed');
      expect(late.data).toEqual(answer);
    },
  );
});
