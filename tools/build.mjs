// node tools/build.mjs [sample]: builds the package, and the sample as well. What is up to date is not built again.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const isSample = process.argv[2] === 'sample';
const folders = isSample ? { src: 'dist', sample: 'dist-sample' } : { src: 'dist' };
/** In the output, so that it is removed with it: with this file alone TypeScript would build nothing. */
const BUILD_INFO = '.tsbuildinfo';
const ASSET = /\.(html|js|css|svg|sh)$/;

/** Removes the output of sources that are gone. TypeScript leaves it, and it would be published. */
function prune(source, output) {
  if (!existsSync(output)) return;
  for (const file of readdirSync(output, { recursive: true, encoding: 'utf8' })) {
    const origins = [file, file.replace(/(\.d\.ts|\.js|\.js\.map)$/, '.ts')];
    if (file === BUILD_INFO || origins.some((it) => existsSync(join(source, it)))) continue;
    rmSync(join(output, file), { recursive: true, force: true });
  }
}

for (const [source, output] of Object.entries(folders)) prune(source, output);
if (Object.values(folders).some((output) => !existsSync(join(output, BUILD_INFO)))) {
  const what = isSample ? 'the package and the sample' : 'the package';
  // Not on stdout, which is that of a sample.
  process.stderr.write(
    `Building ${what}: up to a minute, about a second when nothing has changed\n`,
  );
}
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
const config = isSample ? 'sample' : 'tsconfig.build.json';
const { status } = spawnSync(process.execPath, [tsc, '-b', config], { stdio: 'inherit' });
if (status !== 0) process.exit(status ?? 1);
if (isSample) {
  const filter = (path) => ASSET.test(path) || statSync(path).isDirectory();
  cpSync('sample', folders.sample, { recursive: true, filter });
}
