import { fileURLToPath } from 'node:url';

/** The folder of the package; this file runs from `bench/dist/bench/harness`. */
export const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
