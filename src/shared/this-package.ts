import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

/** The name of this package. */
export const PACKAGE = 'nestjs-redis-pubsub';

/** From `dist/core.js`, which has all modules, and from this file. */
const MANIFESTS = ['../package.json', '../../package.json'];

let ownVersion: string | undefined;

/** The version of this copy; `unknown` in the bundle of an application, which has no manifest beside it. */
export function packageVersion(): string {
  return (ownVersion ??= versionAt(urlOfThisFile()) ?? 'unknown');
}

/** The URL of the file with this function. Not by `import.meta`, which a test runner that compiles to CommonJS does not have. */
export function urlOfThisFile(): string {
  const prepared = Reflect.get(Error, 'prepareStackTrace');
  try {
    Error.prepareStackTrace = (_, sites) => sites[0]?.getFileName();
    const file: unknown = new Error('never thrown').stack;
    if (typeof file !== 'string') return 'an unknown place';
    return file.includes('://') ? file : pathToFileURL(file).href;
  } finally {
    Error.prepareStackTrace = prepared;
  }
}

/** The version of the copy whose file has this URL; `undefined` where no manifest is near it. */
export function versionAt(url: string): string | undefined {
  return MANIFESTS.map((path) => versionIn(path, url)).find(Boolean);
}

function versionIn(path: string, url: string): string | undefined {
  try {
    const text = readFileSync(new URL(path, url), 'utf8');
    const { name, version } = JSON.parse(text) as Record<string, unknown>;
    return name === PACKAGE && typeof version === 'string' ? version : undefined;
  } catch {
    // The bundle of an application has no manifest beside it.
    return undefined;
  }
}
