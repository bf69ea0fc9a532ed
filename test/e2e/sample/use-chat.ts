import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import type { Message } from '../../../sample/chat/messages/message.js';
import { REDIS_SERVER, SampleProcess } from './sample-process.js';

/** The chat of a file: two nodes, and a Redis that the launcher restarts with its data. */
export interface TestChat {
  readonly process: SampleProcess;
  /** The addresses of the two nodes. */
  readonly urls: readonly string[];
  readonly redis: Redis;
  /** What Redis stores of a room, oldest first. */
  stored(room: string): Promise<Message[]>;
  /** Kills a node with SIGKILL; the launcher restarts it two seconds later. */
  killNode(name: 'node-1' | 'node-2'): Promise<void>;
  /** Kills Redis with SIGKILL; the launcher restarts it three seconds later. */
  killRedis(): Promise<void>;
}

/** Starts the chat before the tests of a file, and stops it after them. Each test begins with empty rooms. */
export function useChat(settings: NodeJS.ProcessEnv = {}): TestChat {
  let started: { process: SampleProcess; redis: Redis } | undefined;
  const running = () => {
    if (!started) throw new Error('The chat of this file is not started yet');
    return started;
  };
  beforeAll(async () => {
    const env = { MESSAGE_LIMIT: '100000', PRESENCE_TTL_MS: '1500', ...settings };
    const chat = await new SampleProcess(env, '../chat/main.js').ready();
    const redis = new Redis(chat.redisPort, {
      retryStrategy: () => 50,
      maxRetriesPerRequest: null,
    });
    redis.on('error', () => undefined);
    started = { process: chat, redis };
  });
  beforeEach(async () => {
    await running().redis.flushall();
  });
  afterAll(async () => {
    started?.redis.disconnect();
    await started?.process.stop();
  });
  return {
    get process() {
      return running().process;
    },
    get urls() {
      return running().process.gatewayUrls;
    },
    get redis() {
      return running().redis;
    },
    stored: async (room) => {
      const entries = await running().redis.xrange(`chat:room:{${room}}:messages`, '-', '+');
      return entries.map(([, [, json = '']]) => JSON.parse(json) as Message);
    },
    killNode: async (name) => {
      const pid = await running().process.pidOf('chat/node/main.js', `INSTANCE=${name}`);
      process.kill(pid, 'SIGKILL');
    },
    killRedis: async () => {
      process.kill(await running().process.pidOf(REDIS_SERVER), 'SIGKILL');
    },
  };
}
