import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import { embedPage } from './embed-page.js';
import { KNOWN_DIFFERENCES } from './test/support/known-differences.js';

/** The tests of Clusters, of processes, of pages, and of very many inputs: not in `npm test`. */
const SLOW = [
  'test/conformance/{cache-faults,cluster,connect-failure,credentials,faults,moved-address,redis-broker-tls,sentinel,sharded}.e2e-spec.ts',
  'test/e2e/{acl,bad-input,cluster,docs,faults,groups,keyspace,prometheus,properties}/**/*.e2e-spec.ts',
  'test/e2e/otel/processes/*.e2e-spec.ts',
  'test/e2e/{history/failover,interop/other-languages,module/two-copies,resumable/outages,socket.io/faults}.e2e-spec.ts',
];
/** The tests that build, pack or install the package: not in `npm test` either. */
const BUILDS = 'test/package/{build,command-line,docs-code,pack,quick-start,runtimes}.spec.ts';
/** One project after the other: a worker that gets a file of another project starts again. */
const PROJECTS = ['builds', 'slow', 'e2e', 'memory', 'package', 'unit'];
/** The longest file of its project: one that starts last makes the whole run longer. */
const LONGEST = /\/conformance\/redis-broker\./;

const rankOf = ({ moduleId, project }: TestSpecification): number =>
  LONGEST.test(moduleId) ? 0 : 1 + PROJECTS.indexOf(project.name);

class SlowFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    // oxlint-disable-next-line unicorn/no-array-sort -- vitest's method, which gives a new array
    const sorted = await super.sort(files);
    return sorted.toSorted((one, other) => rankOf(one) - rankOf(other));
  }
}

/** The tests of what applications see. They run over a server, and again over `InMemoryRedis`. */
const CONTRACT = [
  'test/e2e/{batches,events,events-while-away}.e2e-spec.ts',
  'test/e2e/{asyncapi,bad-input,cache,contracts,graphql,health,history,inspector,interop,introspection,module,nest,otel,resumable}/*.e2e-spec.ts',
  'test/e2e/groups/sharing.e2e-spec.ts',
  'test/e2e/socket.io/operations.e2e-spec.ts',
  'test/e2e/faults/{drain,globs,overload,replies}.e2e-spec.ts',
  ...KNOWN_DIFFERENCES.flatMap(({ without }) => without.map((it) => `!test/e2e/${it}.e2e-spec.ts`)),
];

export default defineConfig({
  resolve: { tsconfigPaths: true },
  plugins: [embedPage()],
  test: {
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Nest is loaded once for all files of a worker: most of the time would go into that.
    isolate: false,
    // More than cores: the tests mostly wait, for servers and for connections.
    maxWorkers: 6,
    sequence: { sequencer: SlowFirst },
    projects: [
      { extends: true, test: { name: 'unit', include: ['test/unit/**/*.spec.ts'] } },
      {
        extends: true,
        test: {
          name: 'e2e',
          // No "exclude": that of the command line would not count.
          include: [
            'test/{conformance,e2e}/**/*.e2e-spec.ts',
            '!test/e2e/sample/**',
            ...SLOW.map((it) => `!${it}`),
          ],
          globalSetup: ['test/support/global-setup.ts'],
          setupFiles: ['test/support/setup.ts'],
        },
      },
      {
        extends: true,
        test: {
          name: 'slow',
          include: SLOW,
          globalSetup: ['test/support/global-setup.ts'],
          setupFiles: ['test/support/setup.ts'],
        },
      },
      {
        extends: true,
        test: {
          name: 'memory',
          include: ['test/conformance/*.memory-spec.ts', ...CONTRACT],
          provide: { isInMemory: true, hasSharded: true },
          setupFiles: ['test/support/setup.ts'],
        },
      },
      {
        extends: true,
        test: {
          name: 'sample',
          include: ['test/e2e/sample/**/*.e2e-spec.ts'],
          // Each file starts five processes of Nest: these do not wait, they need the cores.
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
          globalSetup: ['test/support/global-setup.ts'],
          setupFiles: ['test/support/setup.ts'],
        },
      },
      {
        extends: true,
        test: {
          name: 'browser',
          include: ['test/browser/**/*.browser-spec.ts'],
          testTimeout: 60_000,
          fileParallelism: false,
          globalSetup: ['test/support/global-setup.ts'],
          setupFiles: ['test/support/setup.ts'],
        },
      },
      {
        extends: true,
        test: {
          name: 'chaos',
          include: ['test/chaos/**/*.chaos-spec.ts'],
          maxWorkers: 2,
          testTimeout: 300_000,
          globalSetup: ['test/support/global-setup.ts', 'test/chaos/global-setup.ts'],
        },
      },
      {
        extends: true,
        test: {
          name: 'faults',
          include: ['test/faults/**/*.faults-spec.ts'],
          testTimeout: 600_000,
          fileParallelism: false,
          globalSetup: ['test/faults/global-setup.ts'],
        },
      },
      {
        extends: true,
        test: { name: 'package', include: ['test/package/**/*.spec.ts', `!${BUILDS}`] },
      },
      { extends: true, test: { name: 'builds', include: [BUILDS] } },
      {
        extends: true,
        test: {
          name: 'types',
          include: [],
          typecheck: {
            enabled: true,
            only: true,
            include: ['test/types/**/*.spec-d.ts'],
            tsconfig: 'test/types/tsconfig.json',
          },
        },
      },
    ],
  },
});
