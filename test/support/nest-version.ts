import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

function majorOf(name: string): number {
  const { version } = require(`${name}/package.json`) as { version: string };
  return Number.parseInt(version);
}

/** Whether the tests run with Nest 12 or later. */
export const IS_NEST_12 = majorOf('@nestjs/core') >= 12;

/** Whether the tests run with Terminus 12 or later, which knows the status "degraded". */
export const IS_TERMINUS_12 = majorOf('@nestjs/terminus') >= 12;
