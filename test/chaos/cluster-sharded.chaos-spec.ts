import { describe } from 'vitest';
import { clusterSuite, NAMES } from './cluster.suite.js';

describe('a Cluster with sharded Pub/Sub', () => {
  clusterSuite(NAMES, { isSharded: true });
});
