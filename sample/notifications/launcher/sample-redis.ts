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
  #starting: Promise<PrivateRedis> | undefined;
  #isStopping = false;

  async start(): Promise<{ readonly url: string; readonly cli: string }> {
    const given = process.env.REDIS_URL;
    if (given) return { url: given, cli: 'redis-cli -u "$REDIS_URL"' };
    this.#folder = await mkdtemp(join(tmpdir(), 'notifications-'));
    const persistence = ['--appendonly', 'yes', '--dir', this.#folder];
    this.#starting = startPrivateRedis(persistence, {
      surviveCtrlC: true,
      onCrash: () => void this.#restart(),
    });
    const { url, port } = await this.#starting;
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

  async #restart(): Promise<void> {
    if (this.#isStopping) return;
    console.error('[start] Redis ended; starting it again');
    await delay(RESTART_DELAY);
    if (this.#isStopping) return;
    const redis = await this.#starting;
    try {
      await redis?.stop();
      await redis?.start();
    } catch (error) {
      console.error(
        `[start] Redis does not start: ${error instanceof Error ? error.message : String(error)}`,
      );
      await this.#restart();
    }
  }
}
