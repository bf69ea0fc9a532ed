import { Logger } from '@nestjs/common';
import { PACKAGE, urlOfThisFile, versionAt } from '../shared/this-package.js';

/** What all copies of this package in a process share. A copy of any version may have written it. */
interface Registry {
  readonly copies: Copy[];
  hasWarned: boolean;
}

/** A copy of this package that the process has loaded. */
interface Copy {
  readonly version: string;
  /** The URL of its file with this function. */
  readonly url: string;
  readonly tokens: Tokens;
}

/** The classes that applications inject. */
export type Tokens = Readonly<Record<string, unknown>>;

/**
 * Registers this copy of the package, with the classes that it provides, by their names. Logs one warning when a
 * process has loaded two copies.
 */
export function registerCopy(tokens: Tokens): void {
  const registry = readRegistry();
  const url = urlOfThisFile();
  const known = registry.copies.findIndex((copy) => copy.url === url);
  const copy = {
    // Read when it is needed: most processes have one copy, and never warn.
    get version(): string {
      return versionAt(url) ?? 'an unknown version';
    },
    url,
    tokens,
  };
  // A test runner may evaluate one file again.
  if (known >= 0) registry.copies[known] = copy;
  else registry.copies.push(copy);
  if (registry.copies.length < 2 || registry.hasWarned) return;
  registry.hasWarned = true;
  const places = registry.copies.map(({ version, url }) => `${version} at ${url}`).join(', ');
  new Logger('RedisPubSub').warn(
    `This process has loaded two copies of ${PACKAGE}: ${places}. They work together, but "instanceof" tells their classes apart. Install one: "npm ls ${PACKAGE}" shows who depends on it, and a library names it in its peerDependencies`,
  );
}

/** Providers that inject the instances of this copy's classes where a class of another copy is the token. */
export function aliasProviders(tokens: Tokens): { provide: never; useExisting: never }[] {
  const others = readRegistry().copies.filter((copy) => copy.tokens !== tokens);
  return others.flatMap((copy) =>
    Object.entries(tokens).flatMap(([name, own]) => {
      const token = copy.tokens[name];
      return token === undefined ? [] : [{ provide: token as never, useExisting: own as never }];
    }),
  );
}

function readRegistry(): Registry {
  const key = Symbol.for(`${PACKAGE}.copies`);
  const global = globalThis as unknown as Record<symbol, Registry | undefined>;
  return (global[key] ??= { copies: [], hasWarned: false });
}
