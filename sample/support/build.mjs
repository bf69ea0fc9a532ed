// Builds the package and the sample, unless both are as the last build has left them.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const SOURCE = 'sample';
const OUTPUT = 'dist-sample';
/** In the outputs, so that it is removed with them: with this file alone TypeScript would build nothing. */
const BUILD_INFO = '.tsbuildinfo';
/** What the last build has read and written. Each build begins without it. */
const STAMP = join(OUTPUT, '.built');
const ASSET = /\.(html|js|css|svg|sh)$/;
/** What decides on the output: the sources, how they are built, and the versions of the tools. */
const INPUTS = [
  'src',
  SOURCE,
  'embed-page.ts',
  'package-lock.json',
  'package.json',
  'rolldown.config.ts',
  'tsconfig.build.json',
  'tsconfig.json',
];
const OUTPUTS = ['dist', OUTPUT];

const { resolve } = createRequire(import.meta.url);

/** The files of a folder, or the file itself; none for a path that does not exist. */
function filesOf(path) {
  if (!existsSync(path)) return [];
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path, { recursive: true, encoding: 'utf8' })
    .map((file) => join(path, file))
    .filter((file) => file !== STAMP && statSync(file).isFile());
}

/** Changes with each name and each byte of the files. Times would not tell: a copied file can be older. */
function fingerprint(paths) {
  const hash = createHash('sha256').update(process.version);
  for (const file of paths.flatMap(filesOf).toSorted()) {
    const bytes = readFileSync(file);
    hash.update(`\0${file}\0${bytes.length}\0`).update(bytes);
  }
  return hash.digest('hex');
}

function fingerprints() {
  return [INPUTS, ...OUTPUTS.map((folder) => [folder])].map(fingerprint);
}

/** The fingerprints after the last build; of the inputs, only if it succeeded. */
function lastFingerprints() {
  return existsSync(STAMP) ? JSON.parse(readFileSync(STAMP, 'utf8')) : [];
}

function remember(isBuilt) {
  const [inputs, ...outputs] = fingerprints();
  mkdirSync(OUTPUT, { recursive: true });
  writeFileSync(STAMP, JSON.stringify([isBuilt && inputs, ...outputs]));
}

/** Has TypeScript write all files of an output that is not as the last build has left it. It trusts its own record. */
function distrust(outputs, lastOutputs) {
  for (const [i, folder] of OUTPUTS.entries()) {
    if (outputs[i] !== lastOutputs[i]) rmSync(join(folder, BUILD_INFO), { force: true });
  }
}

/** Removes the output of sources that are gone, which TypeScript leaves. */
function prune() {
  if (!existsSync(OUTPUT)) return;
  for (const file of readdirSync(OUTPUT, { recursive: true, encoding: 'utf8' })) {
    const origins = [file, file.replace(/(\.js|\.js\.map)$/, '.ts')];
    if (file === BUILD_INFO || origins.some((it) => existsSync(join(SOURCE, it)))) continue;
    rmSync(join(OUTPUT, file), { recursive: true, force: true });
  }
}

/** Runs a tool. What it prints goes to stderr, since stdout is that of a sample. */
function run(program, ...args) {
  const { status } = spawnSync(process.execPath, [program, ...args], { stdio: ['ignore', 2, 2] });
  if (status === 0) return;
  remember(false);
  process.exit(status ?? 1);
}

const isAsset = (path) => ASSET.test(path) || statSync(path).isDirectory();

function build() {
  prune();
  if (!existsSync(join(OUTPUT, BUILD_INFO))) {
    process.stderr.write(
      'Building the package and the sample: up to a minute, only after a change\n',
    );
  }
  run(resolve('typescript/bin/tsc'), '-b', SOURCE);
  cpSync(SOURCE, OUTPUT, { recursive: true, filter: isAsset });
  run(join(dirname(resolve('rolldown')), '../bin/cli.mjs'), '-c');
  remember(true);
}

const [inputs, ...outputs] = fingerprints();
const [lastInputs, ...lastOutputs] = lastFingerprints();
distrust(outputs, lastOutputs);
if (inputs !== lastInputs || outputs.join() !== lastOutputs.join()) build();
