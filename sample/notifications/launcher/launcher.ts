import { setTimeout as delay } from 'node:timers/promises';
import { startPrivateRedis, type PrivateRedis } from '../../support/private-redis.js';
import { startService, type Service } from './service.js';

/** A Redis starts in a moment; one that is still being downloaded is not waited for. */
const REDIS_START_TIME = 2_000;

export interface RunningSample {
  readonly apiUrl: string;
  /** How to point redis-cli at the Redis in use. */
  readonly redisCli: string;
}

/** Starts Redis and then the services, and stops them in reverse. */
export class Launcher {
  readonly #services: Service[] = [];
  #redis: Promise<PrivateRedis> | undefined;
  #isStopping = false;

  /** Resolves when every service is ready, or to nothing if stopped before. Rejects without a Redis. */
  async start(): Promise<RunningSample | undefined> {
    const given = process.env.REDIS_URL;
    if (!given) this.#redis = startPrivateRedis([], { surviveCtrlC: true });
    const redis = await this.#redis;
    if (this.#isStopping) return undefined;
    const env = { REDIS_URL: redis?.url ?? given };
    const [api] = await Promise.all([
      this.#launch('api', env).ready,
      this.#launch('notifications', env).ready,
    ]);
    return {
      apiUrl: `http://localhost:${api.port}`,
      redisCli: redis ? `redis-cli -p ${redis.port}` : 'redis-cli -u "$REDIS_URL"',
    };
  }

  /** Ends this process with `code` when nothing else is left of the sample. */
  async stop(code: number): Promise<void> {
    if (this.#isStopping) return;
    this.#isStopping = true;
    await Promise.all(this.#services.map((service) => service.stop()));
    const redis = await Promise.race([
      this.#redis?.catch(() => undefined),
      delay(REDIS_START_TIME, undefined, { ref: false }),
    ]);
    await redis?.stop();
    process.exit(code);
  }

  #launch(name: string, env: NodeJS.ProcessEnv): Service {
    const service = startService(name, env);
    this.#services.push(service);
    void service.exited.then((reason) => {
      if (this.#isStopping) return undefined;
      console.error(`[start] ${name} ended (${reason}); stopping the rest`);
      return this.stop(1);
    });
    return service;
  }
}
