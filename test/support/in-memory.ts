import { inject } from 'vitest';

/** Whether the tests run over `InMemoryRedis`. Those that need a server are skipped then. */
export const IN_MEMORY = inject('isInMemory');
