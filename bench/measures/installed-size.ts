import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { rowOf } from '../harness/figures.js';
import type { Measure } from '../harness/measure.js';
import { ROOT } from '../harness/root.js';
import { summarize } from '../harness/statistics.js';

const run = promisify(execFile);
const BYTES_PER_KILOBYTE = 1_000;
const MICROSERVICES = join(ROOT, 'node_modules', '@nestjs', 'microservices');

/** The size of the packed and installed package in `node_modules`, without its peers. */
export const installedSize: Measure = {
  name: 'installed-size',
  title: 'Installed package, without peers',

  async run() {
    const folder = await mkdtemp(join(tmpdir(), 'installed-size-'));
    try {
      const figures = {
        ours: summarize([(await install(folder)) / BYTES_PER_KILOBYTE]),
        'built-in': summarize([(await sizeOf(MICROSERVICES)) / BYTES_PER_KILOBYTE]),
      };
      return {
        rows: [rowOf(this.title, 'kB', figures)],
        notes: [
          'The size of the built-in is the size of `@nestjs/microservices`, which is also a peer of ours.',
        ],
      };
    } finally {
      await rm(folder, { recursive: true });
    }
  },
};

async function install(folder: string): Promise<number> {
  // `npm run bench` has built the package. A second build would replace files that other processes use.
  const packing = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder];
  const { stdout } = await run('npm', packing, { cwd: ROOT });
  const [packed] = JSON.parse(stdout) as { filename: string }[];
  if (!packed) throw new Error(`Expected npm pack to name a file, got ${stdout}`);
  await writeFile(join(folder, 'package.json'), '{}');
  const installing = ['install', '--legacy-peer-deps', '--offline', '--no-audit', '--no-fund'];
  await run('npm', [...installing, `./${packed.filename}`], { cwd: folder });
  return sizeOf(join(folder, 'node_modules'));
}

async function sizeOf(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const stats = await Promise.all(files.map((file) => stat(join(file.parentPath, file.name))));
  return stats.reduce((total, { size }) => total + size, 0);
}
