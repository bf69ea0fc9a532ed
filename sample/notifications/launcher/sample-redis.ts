import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startPrivateRedis, type PrivateRedis } from '../../support/private-redis.js';

/** A Redis starts in a moment; one that is still being downloaded is not waited for; ms. */
const START_TIME = 2_000;
/** So that one sees on the page what its absence means; ms. */
const RESTART_DELAY = 3_000;

/**
 * The Redis of the sample: the one that REDIS_URL names, or one of its own, which is started again
 * when it dies and has its data back, as a managed one would.
 */
export class SampleRedis {
  #folder: string | undefined;
  /** Where it was the first time, and is ever after. */
  #port: number | undefined;
  #starting: Promise<PrivateRedis> | undefined;
  #isStopping = false;

  async start(): Promise<{ readonly url: string; readonly cli: string }> {
    const given = process.env.REDIS_URL;
    if (given) return { url: given, cli: 'redis-cli -u "$REDIS_URL"' };
    this.#folder = await mkdtemp(join(tmpdir(), 'notifications-'));
    this.#starting = this.#launch(this.#folder);
    const { url, port } = await this.#starting;
    this.#port = port;
    return { url, cli: `redis-cli -p ${port}` };
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    const redis = await Promise.race([
      this.#starting?.catch(() => undefined),
      delay(START_TIME, undefined, { ref: false }),
    ]);
    await redis?.stop();
    if (this.#folder) await rm(this.#folder, { recursive: true, force: true });
  }

  #launch(folder: string): Promise<PrivateRedis> {
    const port = this.#port === undefined ? [] : ['--port', String(this.#port)];
    const args = ['--appendonly', 'yes', '--dir', folder, ...port];
    return startPrivateRedis(args, { surviveCtrlC: true, onCrash: () => void this.#restart() });
  }

  async #restart(): Promise<void> {
    if (this.#isStopping) return;
    console.error('[start] Redis ended; starting it again');
    await delay(RESTART_DELAY);
    if (this.#isStopping || this.#folder === undefined) return;
    // A new one at the old port: what has failed to start once cannot be started again.
    this.#starting = this.#launch(this.#folder);
    try {
      await this.#starting;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      console.error(`[start] Redis does not start: ${reason}`);
      await this.#restart();
    }
  }
}
