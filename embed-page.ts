// Makes one text of the page of the inspector: a module can import its `index.html`. rolldown and Vitest use it.
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { rolldown, type Plugin } from 'rolldown';

/** Puts the style sheet and the script of each imported HTML file into it. */
export function embedPage(): Plugin {
  return {
    name: 'embed-page',
    async load(id) {
      if (!id.endsWith('.html')) return null;
      return { code: `export const page = ${JSON.stringify(await read(id))};`, moduleType: 'js' };
    },
  };
}

async function read(file: string): Promise<string> {
  const folder = dirname(file);
  const [html, style, script] = await Promise.all([
    readFile(file, 'utf8'),
    readFile(join(folder, 'style.css'), 'utf8'),
    bundle(join(folder, 'main.ts')),
  ]);
  // Not as the second argument of `replace`: "$" means something there.
  return html
    .replaceAll(/\n\s*/g, '\n')
    .replace(/<link rel="stylesheet"[^>]*>/, () => `<style>${withoutSpace(style)}</style>`)
    .replace(/<script type="module"[^>]*>/, () => `<script type="module">${script}`);
}

async function bundle(input: string): Promise<string> {
  const build = await rolldown({ input, platform: 'browser', logLevel: 'warn' });
  const { output } = await build.generate({ minify: true, comments: false });
  await build.close();
  return output[0].code.replaceAll('</script', String.raw`<\/script`);
}

function withoutSpace(style: string): string {
  return style.replaceAll(/\/\*[^]*?\*\//g, '').replaceAll(/\s+/g, ' ');
}
