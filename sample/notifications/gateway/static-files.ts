import { fileURLToPath } from 'node:url';
import type { NestExpressApplication } from '@nestjs/platform-express';

/** Serves the page and the libraries that it imports, without a build step. */
export function serveStaticFiles(app: NestExpressApplication): void {
  const serve = (folder: string, from: string, prefix?: string): void => {
    app.useStaticAssets(fileURLToPath(new URL(folder, from)), { prefix });
  };
  serve('page', import.meta.url);
  // Node resolves to the `node` subfolder of the package; browsers need the files of its parent folder.
  serve('..', import.meta.resolve('lit-html'), '/vendor/lit-html');
}
