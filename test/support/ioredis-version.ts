import { Redis } from 'ioredis';

/** Whether the installed ioredis is version 6, which speaks RESP3. Tests of what ioredis 5 cannot do skip there. */
export const IS_IOREDIS_6 = new Redis({ lazyConnect: true }).options.protocol !== undefined;
