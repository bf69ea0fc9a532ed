import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startPrivateRedis, type PrivateRedis } from './private-redis.js';

/** Time that `stop` waits for a start in progress, which can be a download, in milliseconds. */
const START_TIMEOUT_MS = 2_000;
/** Delay before a restart, in which a page shows the outage, in milliseconds. */
const RESTART_DELAY_MS = 3_000;

/**
 * The Redis server of a sample: the server of REDIS_URL, or a private one that is restarted with its data
 * when it exits, as a managed Redis would be.
 */
export class SampleRedis {
  readonly #name: string;
  #folder: string | undefined;
  #starting: Promise<PrivateRedis> | undefined;
  #isStopping = false;

  /** @param name - The name of the sample, with which the name of the folder of its data begins. */
  constructor(name: string) {
    this.#name = name;
  }

  async start(): Promise<{ readonly url: string; readonly cli: string }> {
    const given = process.env.REDIS_URL;
    if (given) return { url: given, cli: 'redis-cli -u "$REDIS_URL"' };
    this.#folder = await mkdtemp(join(tmpdir(), `${this.#name}-`));
    const args = ['--appendonly', 'yes', '--dir', this.#folder];
    const options = { surviveCtrlC: true, onCrash: () => void this.#restart() };
    this.#starting = startPrivateRedis(args, options);
    const { url, port } = await this.#starting;
    return { url, cli: `redis-cli -p ${port}` };
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    const redis = await Promise.race([
      this.#starting?.catch(() => undefined),
      delay(START_TIMEOUT_MS, undefined, { ref: false }),
    ]);
    await redis?.stop();
    if (this.#folder) await rm(this.#folder, { recursive: true, force: true });
  }

  async #restart(): Promise<void> {
    if (this.#isStopping) return;
    console.error(`[start] Redis exited; restarting it in ${RESTART_DELAY_MS / 1_000} s`);
    await delay(RESTART_DELAY_MS);
    if (this.#isStopping) return;
    try {
      await (await this.#starting)?.start();
      console.error('[start] Redis is running again');
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      console.error(`[start] Cannot restart Redis: ${reason}`);
      await this.#restart();
    }
  }
}
