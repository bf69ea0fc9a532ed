import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Redis } from 'ioredis';
import { escapeGlob } from 'nestjs-redis-pubsub';
import { ChannelPattern } from '../../../src/channel/channel-pattern.js';
import { matchTokens, parseGlob, toByteString } from '../../../src/channel/glob.js';
import { closeAfterTest } from '../../support/app.js';
import { plain, useRedis } from '../../support/redis.js';

const textOf = (characters: string, maxLength: number, minLength = 1) =>
  fc.string({ unit: fc.constantFrom(...Array.from(characters)), minLength, maxLength });

/** Few different characters, so that globs match names often. */
const ascii = String.raw`aab..:*?[]^-\/`;
const classless = 'aab..:*?é😀ü';

const matches = (glob: string, name: string): boolean =>
  matchTokens(parseGlob(glob), toByteString(name)) !== undefined;

const matchedBy = (
  names: string[],
  globs: string[],
  isMatch: (glob: string, name: string) => boolean,
): string[][] => globs.map((glob) => names.filter((name) => isMatch(glob, name)).toSorted());

const isUnder = (prefix: string, name: string): boolean =>
  name.startsWith(prefix) && name.length > prefix.length;

describe('the glob matcher', () => {
  const redis = useRedis();

  /** Subscribes to the names, and asks Redis which of them each glob matches. */
  async function matchedByRedis(names: string[], globs: string[]): Promise<string[][]> {
    const subscriber = new Redis(plain(redis.port));
    closeAfterTest(async () => subscriber.disconnect());
    await subscriber.subscribe(...names);
    const found = await Promise.all(
      globs.map((glob) => redis.client.pubsub('CHANNELS', glob) as Promise<string[]>),
    );
    await subscriber.unsubscribe(...names);
    subscriber.disconnect();
    return found.map((channels) => channels.toSorted());
  }

  it.each([
    ['ASCII names, with classes and backslashes', ascii, ascii],
    ['names of several bytes a character', classless, classless],
    ['names of several bytes a character, and classes of ASCII', classless, 'aab.*?[]^\\'],
  ])('matches the same names as Redis for globs over %s', async (_, inNames, inGlobs) => {
    const names = fc.uniqueArray(textOf(inNames, 6), { minLength: 30, maxLength: 60 });
    const globs = fc.array(textOf(inGlobs, 7), { minLength: 20, maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(names, globs, async (channels, patterns) => {
        const found = await matchedByRedis(channels, patterns);
        expect(found).toEqual(matchedBy(channels, patterns, matches));
      }),
      { numRuns: 30 },
    );
  });

  it('matches, as Redis does, exactly the text that escapeGlob escaped', async () => {
    const names = fc.uniqueArray(textOf(`${ascii}é😀`, 5), { minLength: 30, maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(names, async (channels) => {
        const found = await matchedByRedis(channels, channels.map(escapeGlob));
        expect(found).toEqual(channels.map((channel) => [channel]));
      }),
      { numRuns: 15 },
    );
  });

  it('matches, for patterns with parameters, only names that Redis delivers', async () => {
    const part = fc.constantFrom('a', 'b', '*', '?', '[ab]', ':x', ':y', 'é', String.raw`\*`);
    const pattern = fc
      .uniqueArray(part, { minLength: 1, maxLength: 4 })
      .chain((parts) => fc.constantFrom('.', ':', '/').map((separator) => parts.join(separator)));
    const names = fc.uniqueArray(textOf('ab*é..::/', 7), { minLength: 30, maxLength: 60 });
    const patterns = fc.array(pattern, { minLength: 20, maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(names, patterns, async (channels, sources) => {
        const parsed = sources
          .map((source) => ChannelPattern.parse(source))
          .filter(({ hasParams }) => hasParams);
        const found = await matchedByRedis(
          channels,
          parsed.map(({ name }) => name),
        );
        for (const [i, it] of parsed.entries()) {
          const matched = channels.filter((channel) => it.match(channel));
          expect(found[i]).toEqual(expect.arrayContaining(matched));
        }
      }),
      { numRuns: 20 },
    );
  });

  it('matches, as Redis does, exactly the names below a prefix', async () => {
    const names = fc.uniqueArray(textOf(ascii, 5), { minLength: 30, maxLength: 60 });
    const prefixes = fc.array(textOf(ascii, 2), { minLength: 10, maxLength: 10 });
    const all = ChannelPattern.parse('?*');
    await fc.assert(
      fc.asyncProperty(names, prefixes, async (channels, given) => {
        const found = await matchedByRedis(
          channels,
          given.map((prefix) => all.withPrefix(prefix)),
        );
        expect(found).toEqual(matchedBy(channels, given, isUnder));
      }),
      { numRuns: 15 },
    );
  });
});
