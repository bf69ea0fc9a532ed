/** One way of listening, which a fault hits beside the others. */
export interface Contestant {
  /** Part of its channel's name. */
  readonly id: string;
  /** What the table calls it. */
  readonly name: string;
  readonly script: string;
  /** What it is given beside the way to Redis, in words. */
  readonly settings: string;
  readonly optionsFor: (connection: object) => object;
}

/** As its users set it most often. */
const RETRIES = { retryAttempts: 5, retryDelay: 1_000 };

export const BUILT_IN: Contestant = {
  id: 'built-in',
  name: '`Transport.REDIS`',
  script: 'built-in.mjs',
  settings: 'default options',
  optionsFor: (connection) => connection,
};

export const BUILT_IN_WITH_RETRIES: Contestant = {
  id: 'built-in-with-retries',
  name: '`Transport.REDIS` with retries',
  script: 'built-in.mjs',
  settings: `\`retryAttempts: ${RETRIES.retryAttempts}, retryDelay: ${RETRIES.retryDelay}\``,
  optionsFor: (connection) => ({ ...connection, ...RETRIES }),
};

export const IOREDIS: Contestant = {
  id: 'ioredis',
  name: 'ioredis',
  script: 'ioredis.mjs',
  settings: 'default options; `subscribe` and nothing else',
  optionsFor: (connection) => connection,
};

export const THIS_PACKAGE: Contestant = {
  id: 'this-package',
  name: 'this package',
  script: 'this-package.mjs',
  settings: 'default options',
  optionsFor: (connection) => ({ connection }),
};

/** The same in a Cluster, with `ssubscribe`. */
export const SHARDED_IOREDIS: Contestant = {
  ...IOREDIS,
  settings: '`shardedSubscribers: true`; `ssubscribe` and nothing else',
  optionsFor: (connection) => ({ ...connection, options: { shardedSubscribers: true } }),
};

/** The same in a Cluster, with sharded channels. */
export const SHARDED_THIS_PACKAGE: Contestant = {
  ...THIS_PACKAGE,
  settings: '`sharded: true`',
  optionsFor: (connection) => ({ connection, sharded: true }),
};

/** All that listen to one Redis, or to what sentinels call the master. */
export const ALL = [BUILT_IN, BUILT_IN_WITH_RETRIES, IOREDIS, THIS_PACKAGE];

/** Those that can listen to a Cluster. */
export const IN_A_CLUSTER = [IOREDIS, THIS_PACKAGE];
