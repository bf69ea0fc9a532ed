export type { LocalCacheOptions, WatchedKeys } from './cache-options.js';
export type { ServiceOfCache } from './invalidations.js';
export { LocalCache } from './local-cache.js';
export {
  LocalCacheStore,
  type LocalCacheStoreOptions,
  type StoreEntry,
  type StoreOfCache,
} from './local-cache-store.js';
