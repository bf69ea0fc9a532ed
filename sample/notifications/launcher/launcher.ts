import { randomBytes } from 'node:crypto';
import { settings } from '../process/settings.js';
import { SampleRedis } from './sample-redis.js';
import { Service } from './service.js';

export interface RunningSample {
  readonly gatewayUrls: readonly string[];
  /** How to point redis-cli at the Redis in use. */
  readonly redisCli: string;
}

/** Starts Redis and then the services, keeps them running, and stops them in reverse. */
export class Launcher {
  readonly #redis = new SampleRedis();
  readonly #services: Service[] = [];
  #isStopping = false;

  /** Resolves when every service is ready, or to nothing if stopped before. Rejects without a Redis. */
  async start(): Promise<RunningSample | undefined> {
    try {
      return await this.#start();
    } catch (error) {
      if (this.#isStopping) return undefined;
      throw error;
    }
  }

  async #start(): Promise<RunningSample | undefined> {
    const { url, cli } = await this.#redis.start();
    const shared = {
      REDIS_URL: url,
      SESSION_SECRET: process.env.SESSION_SECRET ?? randomBytes(32).toString('hex'),
    };
    const { port } = settings;
    const [activity] = await Promise.all([
      this.#launch('activity', 'activity', { ...shared, PORT: portAfter(port, 2) }),
      this.#launch('notifications', 'notifications', shared),
    ]);
    const gateways = await Promise.all(
      ['gateway-1', 'gateway-2'].map((instance, i) =>
        this.#launch('gateway', instance, {
          ...shared,
          PORT: portAfter(port, i),
          ACTIVITY_URL: `http://localhost:${activity}`,
          SESSION_COOKIE: `session-${instance}`,
        }),
      ),
    );
    if (this.#isStopping) return undefined;
    return { gatewayUrls: gateways.map((it) => `http://localhost:${it}`), redisCli: cli };
  }

  /** Ends this process with `code` when nothing else is left of the sample. */
  async stop(code: number): Promise<void> {
    if (this.#isStopping) return;
    this.#isStopping = true;
    await Promise.all(this.#services.map((service) => service.stop()));
    await this.#redis.stop();
    process.exit(code);
  }

  /** Resolves to its port. */
  async #launch(
    name: string,
    instance: string,
    env: NodeJS.ProcessEnv,
  ): Promise<number | undefined> {
    if (this.#isStopping) return undefined;
    const service = new Service(name, instance, env);
    this.#services.push(service);
    const { port } = await service.start().catch(({ message }: Error) => {
      throw new Error(`[start] ${instance} ended (${message})`);
    });
    return port;
  }
}

/** With 0 each service takes any free port. */
function portAfter(first: number, offset: number): string {
  return String(first === 0 ? 0 : first + offset);
}
