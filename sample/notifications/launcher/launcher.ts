import { randomBytes } from 'node:crypto';
import { SampleRedis } from '../../support/sample-redis.js';
import { DEFAULT_PORT, LOOPBACK } from '../process/defaults.js';
import type { Ready } from '../process/run-service.js';
import { describeTrace, type TracedMessage } from '../process/traced-message.js';
import { MessageOrder } from './message-order.js';
import { Service } from './service.js';

export interface RunningSample {
  readonly gatewayUrls: readonly string[];
  /** Where the services have their metrics and their health. */
  readonly monitoringUrls: readonly string[];
  /** The redis-cli command that connects to the Redis server of the sample. */
  readonly redisCli: string;
  /** The address that it listens on, if other machines may reach it. */
  readonly openAt?: string;
}

/** Starts Redis and then the services, restarts them when they exit, and stops them in reverse order. */
export class Launcher {
  readonly #redis = new SampleRedis('notifications');
  readonly #services: Service[] = [];
  readonly #messages = new MessageOrder((traced) => this.#show(traced));
  #isStopping = false;

  /**
   * Resolves when every service is ready, or to `undefined` if `stop` is called first. Rejects if Redis does
   * not start.
   */
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
    // The services check the variables: to load what checks them takes longer than the launcher.
    const { PORT, MONITORING_PORT, LISTEN_HOST, TRACE } = process.env;
    const port = Number(PORT || DEFAULT_PORT);
    const openAt = LISTEN_HOST || LOOPBACK;
    const monitoredAt = (offset: number): NodeJS.ProcessEnv =>
      MONITORING_PORT ? { MONITORING_PORT: portAfter(Number(MONITORING_PORT), offset) } : {};
    const shared = {
      REDIS_URL: url,
      SESSION_SECRET: process.env.SESSION_SECRET ?? randomBytes(32).toString('hex'),
      TRACE: TRACE === 'off' ? TRACE : 'launcher',
    };
    const [activity] = await Promise.all([
      this.#launch('activity', 'activity', {
        ...shared,
        PORT: portAfter(port, 2),
        ...monitoredAt(2),
        // Only the gateways connect to it.
        LISTEN_HOST: LOOPBACK,
      }),
      this.#launch('notifications', 'notifications', { ...shared, ...monitoredAt(3) }),
    ]);
    const gateways = await Promise.all(
      ['gateway-1', 'gateway-2'].map((instance, i) =>
        this.#launch('gateway', instance, {
          ...shared,
          PORT: portAfter(port, i),
          ...monitoredAt(i),
          ACTIVITY_URL: `http://${LOOPBACK}:${activity?.port}`,
          SESSION_COOKIE: `session-${instance}`,
        }),
      ),
    );
    if (this.#isStopping) return undefined;
    return {
      gatewayUrls: gateways.map((it) => `http://localhost:${it?.port}`),
      monitoringUrls: this.#services.flatMap((service) => service.monitoringUrl ?? []).toSorted(),
      redisCli: cli,
      ...(openAt !== LOOPBACK && { openAt }),
    };
  }

  /** Stops the services and Redis, then exits this process with `code`. */
  async stop(code: number): Promise<void> {
    if (this.#isStopping) return;
    this.#isStopping = true;
    await Promise.all(this.#services.map((service) => service.stop()));
    this.#messages.flush();
    await this.#redis.stop();
    process.exit(code);
  }

  /** Logs a message, and passes it on to the gateways for their pages. */
  #show(traced: TracedMessage): void {
    console.log(describeTrace(traced));
    if (traced.kind !== 'sent' && traced.kind !== 'received') return;
    for (const service of this.#services) if (service.isGateway) service.show(traced);
  }

  /** Resolves to the ports of the service. */
  async #launch(
    name: string,
    instance: string,
    env: NodeJS.ProcessEnv,
  ): Promise<Ready | undefined> {
    if (this.#isStopping) return undefined;
    const service = new Service({
      name,
      instance,
      env,
      onMessage: (traced) => this.#messages.add(traced),
    });
    this.#services.push(service);
    return service.start().catch(({ message }: Error) => {
      throw new Error(`[start] ${instance} exited (${message}); stopping the sample`);
    });
  }
}

/** With 0 each service listens on a free port. */
function portAfter(first: number, offset: number): string {
  return String(first === 0 ? 0 : first + offset);
}
