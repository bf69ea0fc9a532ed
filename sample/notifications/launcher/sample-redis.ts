import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startPrivateRedis, type PrivateRedis } from '../../support/private-redis.js';

/** Time that `stop` waits for a start in progress, which can be a download, in milliseconds. */
const START_TIMEOUT_MS = 2_000;
/** Delay before a restart, in which the page shows the outage, in milliseconds. */
const RESTART_DELAY_MS = 3_000;

/**
 * The Redis server of the sample: the server of REDIS_URL, or a private one that is restarted with its data
 * when it exits, as a managed Redis would be.
 */
export class SampleRedis {
  #folder: string | undefined;
  /** The port of the first start, which every restart uses again. */
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
      delay(START_TIMEOUT_MS, undefined, { ref: false }),
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
    console.error(`[start] Redis exited; restarting it in ${RESTART_DELAY_MS / 1_000} s`);
    await delay(RESTART_DELAY_MS);
    if (this.#isStopping || this.#folder === undefined) return;
    // A new server on the same port, because one that failed to start cannot be started again.
    this.#starting = this.#launch(this.#folder);
    try {
      await this.#starting;
      console.error('[start] Redis is running again');
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      console.error(`[start] Cannot restart Redis: ${reason}`);
      await this.#restart();
    }
  }
}
