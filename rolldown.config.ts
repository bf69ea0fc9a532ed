// The JavaScript of the package: one file for each entry in `exports` and `bin`, and one that all entries share. A process
// that starts loads two files in the place of about 140. The declarations are TypeScript's.
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { defineConfig, type Plugin } from 'rolldown';
import { embedPage } from './embed-page.js';

interface Manifest {
  readonly bin: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, string | { readonly default: string }>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
}

const OUTPUT = 'dist';
const { bin, exports, peerDependencies } = JSON.parse(
  readFileSync('package.json', 'utf8'),
) as Manifest;

/** The entries of the package, by their names: `testing/index` is `src/testing/index.ts`. */
const names = [
  ...Object.values(exports).flatMap((it) => (typeof it === 'object' ? [it.default] : [])),
  ...Object.values(bin),
].map((file) => file.replace(/^\.\/dist\/(.+)\.js$/, '$1'));
/** A leaf is the folder of one entry: what needs an optional peer must not get into the shared file. */
const leaves = names.map((name) => dirname(name)).filter((folder) => folder !== '.');
const isInLeaf = (file: string): boolean =>
  leaves.some((folder) => file.startsWith(join(resolve('src', folder), '/')));

/** Removes the JavaScript of an earlier build, which may have had other files. */
const removeOld: Plugin = {
  name: 'remove-old',
  writeBundle(_, bundle) {
    for (const file of readdirSync(OUTPUT, { recursive: true, encoding: 'utf8' })) {
      const isOld = file.endsWith('.js') && !Object.hasOwn(bundle, file.replaceAll('\\', '/'));
      if (isOld) rmSync(join(OUTPUT, file));
    }
  },
};

export default defineConfig({
  input: Object.fromEntries(names.map((name) => [name, `src/${name}.ts`])),
  tsconfig: 'tsconfig.build.json',
  platform: 'node',
  external: [/^node:/, ...Object.keys(peerDependencies).map((name) => new RegExp(`^${name}(/|$)`))],
  plugins: [embedPage(), removeOld],
  logLevel: 'warn',
  // A long constant, such as a page, would be repeated at each use.
  optimization: { inlineConst: false },
  output: {
    dir: OUTPUT,
    // The declarations have the documentation, and V8 reads comments at each start.
    comments: false,
    // One character that is not ASCII makes V8 read the whole text with two bytes for each.
    charset: 'ascii',
    chunkFileNames: '[name].js',
    minifyInternalExports: false,
    codeSplitting: {
      groups: [{ name: 'core', test: (file) => !isInLeaf(file) }],
    },
  },
});
