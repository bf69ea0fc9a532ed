// Builds the package and the sample. What is up to date is not built again.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const SOURCE = 'sample';
const OUTPUT = 'dist-sample';
/** In the output, so that it is removed with it: with this file alone TypeScript would build nothing. */
const BUILD_INFO = '.tsbuildinfo';
const ASSET = /\.(html|js|css|svg|sh)$/;

/** Removes the output of sources that are gone, which TypeScript leaves. */
function prune() {
  if (!existsSync(OUTPUT)) return;
  for (const file of readdirSync(OUTPUT, { recursive: true, encoding: 'utf8' })) {
    const origins = [file, file.replace(/(\.js|\.js\.map)$/, '.ts')];
    if (file === BUILD_INFO || origins.some((it) => existsSync(join(SOURCE, it)))) continue;
    rmSync(join(OUTPUT, file), { recursive: true, force: true });
  }
}

prune();
if (!existsSync(join(OUTPUT, BUILD_INFO))) {
  // Not on stdout, which is that of a sample.
  process.stderr.write(
    'Building the package and the sample: up to a minute, about a second when nothing has changed\n',
  );
}
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
const { status } = spawnSync(process.execPath, [tsc, '-b', SOURCE], { stdio: 'inherit' });
if (status !== 0) process.exit(status ?? 1);
const isAsset = (path) => ASSET.test(path) || statSync(path).isDirectory();
cpSync(SOURCE, OUTPUT, { recursive: true, filter: isAsset });
