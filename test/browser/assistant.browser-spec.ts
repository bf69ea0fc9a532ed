import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { AxeResults } from 'axe-core';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tokensOf } from '../../sample/assistant/model.js';
import { AssistantProcess } from '../e2e/sample/sample-process.js';
import { Random } from '../support/random.js';
import { useRedis } from '../support/redis.js';
import { soon } from './soon.js';
import { useBrowser } from './use-browser.js';

const RELOADS = 20;
/** How many of them must have been in the middle: a busy machine may take long for the others. */
const IN_THE_MIDDLE = 6;
const KILL_AT = 3;
const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const SCREENSHOTS = new URL('../../test-results/screenshots/', import.meta.url);
const CASES = [
  [1280, 'light'],
  [1280, 'dark'],
  [390, 'light'],
  [390, 'dark'],
] as const;

/** A page of the assistant, and the elements that a user sees. */
class Assistant {
  constructor(readonly page: Page) {}

  /** The text of the answer as the page has it. */
  text(): Promise<string | null> {
    return this.page.locator('#text').textContent();
  }

  async length(): Promise<number> {
    return ((await this.text()) ?? '').length;
  }

  state(): Promise<string | null> {
    return this.page.getByRole('status').textContent();
  }

  get stop() {
    return this.page.getByRole('button', { name: 'Stop' });
  }

  async ask(prompt: string): Promise<void> {
    const before = new URL(this.page.url()).hash;
    await this.page.getByRole('textbox', { name: 'Your question' }).fill(prompt);
    await this.page.getByRole('button', { name: 'Ask' }).click();
    // A script of the page that asks for it would need a policy that allows one.
    const { page } = this;
    await soon(() => new URL(page.url()).hash).not.toBe(before);
  }

  /** Where the answer is at another instance. */
  at(url: string): string {
    return url + new URL(this.page.url()).hash.replace(/^/, '/');
  }
}

describe('the page of the assistant', () => {
  const redis = useRedis();
  const browser = useBrowser();
  let sample: AssistantProcess | undefined;
  let [first, second] = ['', ''];

  beforeAll(async () => {
    sample = await new AssistantProcess({ REDIS_URL: redis.url, TOKEN_DELAY: '30' }).ready();
    [first = '', second = ''] = sample.urls;
  });
  afterAll(() => sample?.stop());

  async function open(url: string, options?: BrowserContextOptions): Promise<Assistant> {
    const { page } = await browser.open({ url }, options);
    return new Assistant(page);
  }

  it(`shows the whole answer in two tabs, which are reloaded ${RELOADS} times while Redis is killed`, async () => {
    const prompt = 'What is <b>new</b>?';
    const whole = tokensOf(prompt).join('');
    const random = new Random(7);
    const here = await open(first);
    await here.ask(prompt);
    const there = await open(here.at(second));
    const tabs = [here, there];
    let inTheMiddle = 0;
    for (let i = 0; i < RELOADS; i++) {
      const tab = random.pick(tabs);
      const before = await tab.length();
      await tab.page.reload();
      await soon(() => tab.length()).toBeGreaterThanOrEqual(before);
      if ((await tab.length()) < whole.length) inTheMiddle++;
      expect(whole.startsWith((await tab.text()) ?? '-')).toBe(true);
      if (i !== KILL_AT) continue;
      expect(await tab.length()).toBeLessThan(whole.length);
      await redis.kill();
      await redis.stop();
      await redis.start();
    }
    expect(inTheMiddle).toBeGreaterThanOrEqual(IN_THE_MIDDLE);
    for (const tab of tabs) {
      await completed(tab);
      expect(await tab.text()).toBe(whole);
      expect(await tab.page.getByRole('heading', { level: 2 }).textContent()).toBe(prompt);
      expect(await tab.stop.isVisible()).toBe(false);
    }
    const late = await open(here.at(first));
    await completed(late);
    expect(await late.text()).toBe(whole);
  }, 150_000);

  it('is stopped in any tab, and asks again', async () => {
    const here = await open(first);
    await here.ask('One');
    const there = await open(here.at(second));
    await soon(() => there.length()).toBeGreaterThan(20);
    await there.stop.focus();
    await there.page.keyboard.press('Enter');
    for (const tab of [here, there]) await soon(() => tab.state()).toBe('Stopped');
    const text = await here.text();
    expect(await there.text()).toBe(text);
    expect(
      await there.page.getByRole('textbox').evaluate((it) => it === it.ownerDocument.activeElement),
    ).toBe(true);
    await here.page.reload();
    await soon(() => here.state()).toBe('Stopped');
    expect(await here.text()).toBe(text);
    await here.ask('Two');
    await soon(() => here.length()).toBeGreaterThan(20);
    await here.stop.click();
    await soon(() => here.state()).toBe('Stopped');
  });

  it('goes on while Redis is away, and says so when a question has to wait', async () => {
    const here = await open(first);
    await here.ask('Three');
    await soon(() => here.length()).toBeGreaterThan(20);
    await redis.stop();
    await here.page.getByRole('textbox').fill('Four');
    await here.page.getByRole('button', { name: 'Ask' }).click();
    await soon(() => here.page.getByRole('alert').textContent()).toContain('Redis is away');
    await redis.start();
    await completed(here);
    expect(await here.text()).toBe(tokensOf('Three').join(''));
  }, 150_000);

  it('tells that there is no such answer', async () => {
    const here = await open(`${first}/#00000000-0000-4000-8000-000000000000`);
    await soon(() => here.state()).toBe('There is no such answer, or it is too old.');
    expect(await here.stop.isVisible()).toBe(false);
  });

  it.each(CASES)(
    'fits a screen of %i pixels in %s colours, and is accessible',
    async (width, colorScheme) => {
      const here = await open(first, {
        colorScheme,
        viewport: { width, height: 800 },
        reducedMotion: 'reduce',
      });
      const { page } = here;
      await soon(() => page.getByText('Instance A').isVisible()).toBe(true);
      await page.evaluate(await readFile(AXE, 'utf8'));
      const check = async (what: string): Promise<void> => {
        const path = fileURLToPath(
          new URL(`assistant-${width}-${colorScheme}-${what}.png`, SCREENSHOTS),
        );
        await page.screenshot({ path });
        expect(await flawsOf(page)).toEqual([]);
      };
      await check('empty');
      await here.ask(`A question with a ${'very'.repeat(40)} long word`);
      await soon(() => here.length()).toBeGreaterThan(600);
      await check('running');
      await here.stop.click();
      await soon(() => here.state()).toBe('Stopped');
      await check('stopped');
    },
  );
});

/** Resolves when an answer is complete: it takes longer than what pages need otherwise. */
async function completed(tab: Assistant): Promise<void> {
  await expect.poll(() => tab.state(), { timeout: 90_000, interval: 50 }).toBe('Complete');
}

/** The faults of a page: an excess width, and the findings of axe. */
async function flawsOf(page: Page): Promise<string[]> {
  const overflow = await page
    .locator('html')
    .evaluate(
      (it: { scrollWidth: number; clientWidth: number }) => it.scrollWidth - it.clientWidth,
    );
  const { violations } = (await page.evaluate('axe.run()')) as AxeResults;
  const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map((it) => it.html).join(' ')}`);
  return overflow === 0 ? found : [`${String(overflow)} px too wide`, ...found];
}
