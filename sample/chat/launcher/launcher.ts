import { randomBytes } from 'node:crypto';
import { SampleRedis } from '../../support/sample-redis.js';
import { NodeProcess } from './node-process.js';

const DEFAULT_PORT = 3000;

export interface RunningChat {
  readonly urls: readonly string[];
  /** The redis-cli command that connects to the Redis server of the chat. */
  readonly redisCli: string;
}

/** Starts Redis and two nodes, restarts them when they exit, and stops them in reverse order. */
export class Launcher {
  readonly #redis = new SampleRedis('chat');
  readonly #nodes: NodeProcess[] = [];
  #isStopping = false;

  /** Resolves when both nodes are ready, or to `undefined` if `stop` is called first. */
  async start(): Promise<RunningChat | undefined> {
    try {
      return await this.#start();
    } catch (error) {
      if (this.#isStopping) return undefined;
      throw error;
    }
  }

  async #start(): Promise<RunningChat | undefined> {
    const { url, cli } = await this.#redis.start();
    if (this.#isStopping) return undefined;
    const port = Number(process.env.PORT || DEFAULT_PORT);
    const ports = [port, port + 1];
    const urls = ports.map((it) => `http://localhost:${it}`);
    const shared = {
      REDIS_URL: url,
      NODES: urls.join(),
      SESSION_SECRET: process.env.SESSION_SECRET ?? randomBytes(32).toString('hex'),
    };
    const nodes = ports.map(
      (it, i) => new NodeProcess(`node-${i + 1}`, { ...shared, PORT: String(it) }),
    );
    this.#nodes.push(...nodes);
    await Promise.all(nodes.map((node) => node.start()));
    return { urls, redisCli: cli };
  }

  /** Stops the nodes and Redis, then exits this process with `code`. */
  async stop(code: number): Promise<void> {
    if (this.#isStopping) return;
    this.#isStopping = true;
    await Promise.all(this.#nodes.map((node) => node.stop()));
    await this.#redis.stop();
    process.exit(code);
  }
}
