import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { closeAfterTest } from '../support/app.js';
import { eventually } from '../support/redis.js';
import type { Gateway } from '../e2e/sample/gateway.js';
import { REDIS_SERVER, SampleProcess } from '../e2e/sample/sample-process.js';
import { SESSION_SECRET } from '../e2e/sample/session-tokens.js';
import { gatewaysOf } from '../e2e/sample/use-sample.js';
import { soon } from './soon.js';
import { textsOf, unread } from './tab.js';
import { useBrowser } from './use-browser.js';

const REDIS_AWAY = 'Redis is away. Try again in a moment.';

describe('a page survives the end of', () => {
  const browser = useBrowser();
  let sample: SampleProcess;
  let redis: Redis;
  let first: Gateway;
  let second: Gateway;

  beforeAll(async () => {
    sample = await new SampleProcess({ SESSION_SECRET }).ready();
    [first, second] = gatewaysOf(sample);
    redis = new Redis(sample.redisPort, { retryStrategy: () => 20, maxRetriesPerRequest: null });
    // The tests kill Redis.
    redis.on('error', () => undefined);
  });
  afterAll(async () => {
    redis.disconnect();
    await sample.stop();
  });
  beforeEach(async () => {
    await redis.flushall();
  });

  /** Suspends restarts until the returned function is called, or the test has ended. */
  function holdRestarts(): () => void {
    const resume = () => sample.signal('SIGCONT');
    closeAfterTest(async () => resume());
    sample.signal('SIGSTOP');
    return resume;
  }

  /** Suspends a process until the returned function is called, or the test has ended. */
  async function suspend(...words: Parameters<SampleProcess['pidOf']>): Promise<() => void> {
    const pid = await sample.pidOf(...words);
    const resume = () => void process.kill(pid, 'SIGCONT');
    closeAfterTest(async () => resume());
    process.kill(pid, 'SIGSTOP');
    return resume;
  }

  /** Resolves when the notification is in the inbox, at a gateway with a connection to Redis. */
  async function isStored(text: string): Promise<void> {
    await eventually(async () => {
      const { notifications } = await second.user('alice').inbox();
      return notifications.some(({ message }) => message === text);
    });
  }

  it('Redis: it reports the outage, keeps unsent text, and shows missed notifications', async () => {
    const alice = await browser.signIn(first, 'Alice');
    const bob = await browser.signIn(second, 'Bob');
    await bob.send('Alice', 'Before the outage');
    await soon(() => alice.unread()).toEqual(unread(1));
    await alice.toasts.getByRole('button', { name: 'Dismiss' }).click();
    const patterns = await redis.pubsub('NUMPAT');

    const restart = holdRestarts();
    process.kill(await sample.pidOf(REDIS_SERVER), 'SIGKILL');
    for (const tab of [alice, bob]) await tab.is('interrupted');
    expect(await textsOf(alice.connection)).toEqual([
      'Interrupted The server has lost Redis. What you miss is loaded when it is back.',
    ]);
    expect(await alice.inbox()).toHaveLength(1);
    await bob.like('Alice').click();
    const alert = bob.post('Alice').getByRole('alert');
    await soon(() => textsOf(alert)).toEqual([REDIS_AWAY]);
    await bob.send('Alice', 'Not lost');
    await soon(() => textsOf(bob.person('alice').getByRole('alert'))).toEqual([REDIS_AWAY]);
    expect(await bob.field('Message to Alice').inputValue()).toBe('Not lost');

    // Redis is back for every process but this gateway, so that its page misses events.
    const resume = await suspend('gateway/main.js', 'INSTANCE=gateway-1');
    restart();
    await bob.is('connected');
    await eventually(async () => (await redis.pubsub('NUMPAT')) === patterns);
    await bob.person('alice').getByRole('button', { name: 'Send' }).click();
    await bob.person('alice').getByText('Sent.', { exact: true }).waitFor();
    await isStored('Not lost');
    expect(await alice.state()).toBe('interrupted');
    resume();
    await alice.is('connected');
    // The errors of the outage are over, too.
    await soon(() => bob.page.getByRole('alert').count()).toBe(0);

    await soon(() => alice.inbox()).toEqual([
      expect.stringContaining('Not lost'),
      expect.stringContaining('Before the outage'),
    ]);
    expect(await alice.unread()).toEqual(unread(2));
    expect(await alice.toasts.count()).toBe(0);
    await bob.like('Alice').click();
    await bob.like('Alice', 'Unlike').waitFor();
    expect(await alert.count()).toBe(0);
    await soon(() => textsOf(alice.toasts)).toEqual([
      expect.stringContaining('Bob liked your post'),
    ]);
    expect(await alice.unread()).toEqual(unread(3));
  });

  it('its gateway: it reconnects, and shows missed notifications without a load', async () => {
    const alice = await browser.signIn(first, 'Alice');
    const follower = await alice.another();
    const bob = await browser.signIn(second, 'Bob');
    await bob.send('Alice', 'Before the outage');
    for (const tab of [alice, follower]) {
      await soon(() => tab.unread()).toEqual(unread(1));
      await tab.toasts.getByRole('button', { name: 'Dismiss' }).click();
    }
    const loads = [alice, follower].map((tab) => tab.loads);

    const restart = holdRestarts();
    process.kill(await sample.pidOf('gateway/main.js', 'INSTANCE=gateway-1'), 'SIGKILL');
    for (const tab of [alice, follower]) await tab.is('reconnecting');
    await bob.send('Alice', 'During the outage');
    await isStored('During the outage');
    await alice.like('Bob').click();
    await soon(() => textsOf(alice.post('Bob').getByRole('alert'))).toEqual([
      'The server cannot be reached.',
    ]);
    expect(await alice.state()).toBe('reconnecting');
    restart();

    for (const tab of [alice, follower]) {
      await tab.is('connected');
      await soon(() => tab.inbox()).toEqual([
        expect.stringContaining('During the outage'),
        expect.stringContaining('Before the outage'),
      ]);
      expect(await tab.unread()).toEqual(unread(2));
      await soon(() => textsOf(tab.toasts)).toEqual([expect.stringContaining('During the outage')]);
      await tab.toasts.getByRole('button', { name: 'Dismiss' }).click();
    }
    expect([alice, follower].map((tab) => tab.loads)).toEqual(loads);
    await bob.send('Alice', 'After the outage');
    for (const tab of [alice, follower]) {
      await soon(() => textsOf(tab.toasts)).toEqual([expect.stringContaining('After the outage')]);
    }
    await alice.like('Bob').click();
    await alice.like('Bob', 'Unlike').waitFor();
    expect(await bob.state()).toBe('connected');
  });

  it('the activity service: it reports the outage, and removes the report when it is over', async () => {
    const alice = await browser.signIn(first, 'Alice');
    const restart = holdRestarts();
    process.kill(await sample.pidOf('activity/main.js'), 'SIGKILL');
    await alice.like('Bob').click();
    await soon(() => textsOf(alice.post('Bob').getByRole('alert'))).toEqual([
      'The activity service is away. Try again in a moment.',
    ]);
    restart();
    await soon(() => alice.page.getByRole('alert').count()).toBe(0);
    await alice.like('Bob').click();
    await alice.like('Bob', 'Unlike').waitFor();
    expect(await alice.page.getByRole('alert').count()).toBe(0);
  });

  it('its gateway before the sign-in: the page lists the users when it is back', async () => {
    const tab = await browser.open(first);
    await tab.isSignedOut();
    const restart = holdRestarts();
    process.kill(await sample.pidOf('gateway/main.js', 'INSTANCE=gateway-1'), 'SIGKILL');
    await tab.button('Sign in as Alice').click();
    await soon(() => textsOf(tab.page.getByRole('alert'))).toEqual([
      'The server cannot be reached.',
    ]);
    restart();
    await soon(() => tab.page.getByRole('alert').count()).toBe(0);
    await tab.signIn('Alice');
    expect(await tab.user()).toEqual(['Alice']);
  });
});
