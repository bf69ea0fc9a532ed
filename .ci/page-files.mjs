// Writes the files of a page into the application in the working directory:
//
//   node page-files.mjs PAGE MAJOR_OF_NEST PORT_OF_REDIS [FILE]
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

const [page, major, port, only] = process.argv.slice(2);
const files = new Map();
let last;
for (const [, code] of readFileSync(page, 'utf8').matchAll(/^```ts[^\n]*\n(.*?)^```/gms)) {
  const [, file] = /^\/\/ ([\w./-]+\.ts)\n/.exec(code) ?? [];
  if (file) files.set((last = file), code);
  // A test without a file goes into the `describe` of the file before it.
  else if (/^(?:it|afterEach)\(/.test(code)) {
    files.set(last, files.get(last).replace(/\}\);\n$/, `\n${code}});\n`));
  }
}
for (const [file, code] of files) {
  if (only && file !== only) continue;
  // The application and its configuration are there already.
  if (!only && /^src\/(?:main|app\.module|users\.module)\.ts$|config/.test(file)) continue;
  const text = code.replaceAll('localhost:6379', `localhost:${port}`);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, major === '11' ? forJest(text) : text);
  process.stdout.write(`${file}\n`);
}

/** Jest finds no file with `.js`, and has its own name for fake timers. */
function forJest(code) {
  return code.replace(/(from '\.\.?\/.*)\.js'/g, "$1'").replaceAll(/\bvi\./g, 'jest.');
}
