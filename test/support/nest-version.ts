import { createRequire } from 'node:module';

const { version } = createRequire(import.meta.url)('@nestjs/core/package.json') as {
  version: string;
};

/** Whether the tests run with Nest 12 or later. */
export const IS_NEST_12 = Number.parseInt(version) >= 12;
