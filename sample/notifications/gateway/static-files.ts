import { fileURLToPath } from 'node:url';
import type { NestExpressApplication } from '@nestjs/platform-express';

/** Serves the page, and the libraries that it imports, as they are: there is no build step. */
export function serveStaticFiles(app: NestExpressApplication): void {
  const serve = (folder: string, from: string, prefix?: string): void => {
    app.useStaticAssets(fileURLToPath(new URL(folder, from)), { prefix });
  };
  serve('page', import.meta.url);
  // What Node would import is one folder below what browsers import.
  serve('..', import.meta.resolve('lit-html'), '/vendor/lit-html');
}
