import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

interface Step {
  readonly uses?: string;
  readonly run?: string;
}

interface Job {
  readonly 'timeout-minutes'?: number;
  readonly permissions?: Permissions;
  readonly concurrency?: object;
  readonly steps: readonly Step[];
  readonly strategy?: { readonly matrix: { readonly include: readonly MatrixRow[] } };
}

interface Workflow {
  readonly permissions?: Permissions;
  readonly concurrency?: object;
  readonly jobs: Readonly<Record<string, Job>>;
}

type Permissions = Readonly<Record<string, string>>;
type MatrixRow = Readonly<Record<'server' | 'node' | 'nest' | 'ioredis', string | number>>;

const read = (path: string): string => readFileSync(path, 'utf8');
const readYaml = (path: string): unknown => parse(read(path));

const { version, engines, peerDependencies } = JSON.parse(read('package.json')) as {
  version: string;
  engines: { node: string };
  peerDependencies: Record<string, string>;
};

const WORKFLOWS = readdirSync('.github/workflows').map((file) => {
  const path = `.github/workflows/${file}`;
  return { file, text: read(path), workflow: readYaml(path) as Workflow };
});

const JOBS = WORKFLOWS.flatMap(({ file, workflow }) =>
  Object.entries(workflow.jobs).map(([name, job]) => ({ name: `${file}: ${name}`, workflow, job })),
);

/** The lowest versions that a range allows, one of each major version. */
const floorsOf = (range: string): string[] =>
  [...range.matchAll(/\d[\d.]*/g)].map(([floor]) => floor);

/** The lines that use an action without its commit and its version: a tag can be moved. */
const unpinned = (text: string): string[] =>
  text
    .split('\n')
    .filter((line) => /\buses:/.test(line))
    .filter((line) => !/uses: [\w-]+\/[\w./-]+@[\da-f]{40} # v\d+\.\d+\.\d+$/.test(line));

describe.each(WORKFLOWS)('the workflow $file', ({ text, workflow }) => {
  it('pins each action by its commit, and names the version', () => {
    expect(unpinned(text)).toEqual([]);
    expect(unpinned(text.replace(/@[\da-f]{40}/, '@v7'))).toHaveLength(1);
  });

  it('may read the contents, and no more, unless a job asks for it', () => {
    expect(workflow.permissions).toEqual({ contents: 'read' });
  });
});

describe.each(JOBS)('the job $name', ({ workflow, job }) => {
  it('has a time limit', () => {
    expect(job['timeout-minutes']).toBeGreaterThan(0);
  });

  it('says what happens to an older run', () => {
    expect(workflow.concurrency ?? job.concurrency).toBeDefined();
  });

  it('puts no expression into a script, where its text would run', () => {
    expect(job.steps.filter(({ run }) => run?.includes('${{'))).toEqual([]);
  });
});

describe('permissions to write', () => {
  it('have only the jobs that release the package and deploy the documentation', () => {
    const writers = JOBS.filter(({ job }) =>
      Object.values(job.permissions ?? {}).some((it) => it === 'write'),
    );
    expect(writers.map(({ name }) => name)).toEqual([
      'docs.yml: deploy',
      'release.yml: prepare',
      'release.yml: publish',
    ]);
  });
});

describe('the matrix', () => {
  const rows = JOBS.flatMap(({ job }) => job.strategy?.matrix.include ?? []);
  const valuesOf = (name: keyof MatrixRow): string[] => rows.map((row) => String(row[name]));

  it.each([
    ['node', engines.node],
    ['nest', peerDependencies['@nestjs/core'] ?? ''],
    ['ioredis', peerDependencies.ioredis ?? ''],
  ] as const)('has the lowest versions of %s: %s', (name, range) => {
    const floors = floorsOf(range);
    expect(floors).toHaveLength(2);
    expect(valuesOf(name)).toEqual(expect.arrayContaining(floors));
  });

  it('has the oldest Redis that the documentation names, and Valkey', () => {
    expect(valuesOf('server')).toEqual(
      expect.arrayContaining(['redis 6.2', expect.stringMatching(/^valkey /)]),
    );
  });
});

describe('a release', () => {
  it('begins at the version of the package', () => {
    expect(JSON.parse(read('.github/release-please-manifest.json'))).toEqual({ '.': version });
  });

  it('has its version in the changelog', () => {
    expect(read('CHANGELOG.md')).toMatch(
      new RegExp(`^## ${version.replaceAll('.', String.raw`\.`)}( |$)`, 'm'),
    );
  });
});

describe('the forms for issues', () => {
  const forms = readdirSync('.github/ISSUE_TEMPLATE').filter((file) => file !== 'config.yml');

  it.each(forms)('%s has a name, a description and fields with ids of their own', (file) => {
    const form = readYaml(`.github/ISSUE_TEMPLATE/${file}`) as Record<string, unknown> & {
      body: readonly { type: string; id?: string }[];
    };
    expect(form).toMatchObject({ name: expect.any(String), description: expect.any(String) });
    const ids = form.body.filter(({ type }) => type !== 'markdown').map(({ id }) => id);
    expect(ids).not.toContain(undefined);
    expect(new Set(ids).size).toBe(ids.length);
  });
});
