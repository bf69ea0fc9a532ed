/** One way to subscribe, which a harness compares with the others. */
export interface Candidate {
  /** A part of the name of its channel. */
  readonly id: string;
  /** The head of its column in a table. */
  readonly name: string;
  /** The file in the folder `candidates` that its process runs. */
  readonly script: string;
  /** Its options beside the connection, in words. */
  readonly settings: string;
  readonly optionsFor: (connection: object) => object;
}

/** The values that users choose most often. */
const RETRIES = { retryAttempts: 5, retryDelay: 1_000 };

export const BUILT_IN: Candidate = {
  id: 'built-in',
  name: '`Transport.REDIS`',
  script: 'built-in.mjs',
  settings: 'default options',
  optionsFor: (connection) => connection,
};

export const BUILT_IN_WITH_RETRIES: Candidate = {
  id: 'built-in-with-retries',
  name: '`Transport.REDIS` with retries',
  script: 'built-in.mjs',
  settings: `\`retryAttempts: ${RETRIES.retryAttempts}, retryDelay: ${RETRIES.retryDelay}\``,
  optionsFor: (connection) => ({ ...connection, ...RETRIES }),
};

export const IOREDIS: Candidate = {
  id: 'ioredis',
  name: 'ioredis',
  script: 'ioredis.mjs',
  settings: 'default options; `subscribe` and nothing else',
  optionsFor: (connection) => connection,
};

export const THIS_PACKAGE: Candidate = {
  id: 'this-package',
  name: 'this package',
  script: 'this-package.mjs',
  settings: 'default options',
  optionsFor: (connection) => ({ connection }),
};

/** ioredis in a Cluster, with `ssubscribe`. */
export const SHARDED_IOREDIS: Candidate = {
  ...IOREDIS,
  settings: '`shardedSubscribers: true`; `ssubscribe` and nothing else',
  optionsFor: (connection) => ({ ...connection, options: { shardedSubscribers: true } }),
};

/** This package in a Cluster, with sharded channels. */
export const SHARDED_THIS_PACKAGE: Candidate = {
  ...THIS_PACKAGE,
  settings: '`sharded: true`',
  optionsFor: (connection) => ({ connection, sharded: true }),
};

/** The candidates for a standalone Redis and for Sentinel. */
export const ALL_CANDIDATES = [BUILT_IN, BUILT_IN_WITH_RETRIES, IOREDIS, THIS_PACKAGE];

/** The candidates for a Cluster with classic Pub/Sub; `Transport.REDIS` cannot connect to one. */
export const CLUSTER_CANDIDATES = [IOREDIS, THIS_PACKAGE];

/** The candidates for a Cluster with sharded Pub/Sub. */
export const SHARDED_CANDIDATES = [SHARDED_IOREDIS, SHARDED_THIS_PACKAGE];
