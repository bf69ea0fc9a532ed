import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { ConsoleLogger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import helmet from 'helmet';
import { refuseOtherHosts } from '../../support/allowed-hosts.js';
import { ChatModule } from './chat.module.js';
import { readSettings } from './settings.js';

/** What a node sends to the launcher when it is ready. */
export interface Ready {
  readonly port: number;
}

/** Connections may go to the other nodes, where the page reconnects to. */
const policyFor = (nodes: readonly string[]) => ({
  useDefaults: false,
  directives: {
    defaultSrc: ["'self'"],
    connectSrc: ["'self'", ...nodes.map((node) => node.replace(/^http/, 'ws'))],
    objectSrc: ["'none'"],
    baseUri: ["'none'"],
    formAction: ["'self'"],
    frameAncestors: ["'none'"],
  },
});

// A launcher that has exited cannot stop this node.
process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
try {
  const port = await start();
  if (process.connected) process.send?.({ port } satisfies Ready);
} catch (error) {
  const reason = error instanceof Error ? error.message : String(error);
  console.error(`[${process.env.INSTANCE ?? 'node'}] Cannot start: ${reason}`);
  process.exit(1);
}

/** Resolves to the port when the node listens. */
async function start(): Promise<number> {
  const { instance, nodes, port } = readSettings();
  const app = await NestFactory.create<NestExpressApplication>(ChatModule, {
    logger: new ConsoleLogger({ prefix: instance, logLevels: ['warn', 'error', 'fatal'] }),
    abortOnError: false,
    // A browser keeps its HTTP connection open, for which a shutdown would wait.
    forceCloseConnections: true,
  });
  app.use(helmet({ contentSecurityPolicy: policyFor(nodes), frameguard: { action: 'deny' } }));
  app.use(refuseOtherHosts({ allowedHosts: nodes.map((node) => new URL(node).hostname) }));
  app.setGlobalPrefix('api');
  app.useStaticAssets(fileURLToPath(new URL('../page', import.meta.url)));
  // Node resolves to the `node` subfolder of the package; browsers need the files of its parent folder.
  const library = fileURLToPath(new URL('..', import.meta.resolve('lit-html')));
  app.useStaticAssets(library, { prefix: '/vendor/lit-html' });
  app.enableShutdownHooks();
  const server: Server = await app.listen(port, '127.0.0.1');
  return (server.address() as AddressInfo).port;
}
