import { HttpStatus } from '@nestjs/common';
import type { Request, RequestHandler } from 'express';
import { createProxyMiddleware } from 'http-proxy-middleware';
import { ServerResponse } from 'node:http';
import { settings } from '../process/settings.js';
import { tokenOf } from '../session/session-token.js';

/** How long the activity service may take, in milliseconds. */
const TIMEOUT = 3_000;

/**
 * Passes requests on to the activity service, so that a page has one origin. The cookie stays here:
 * services among themselves show the token in a header.
 */
export function activityProxy(): RequestHandler {
  return createProxyMiddleware<Request>({
    target: settings.activityUrl,
    proxyTimeout: TIMEOUT,
    on: {
      proxyReq: (outgoing, request) => {
        const token = tokenOf(request);
        outgoing.removeHeader('cookie');
        if (token) outgoing.setHeader('authorization', `Bearer ${token}`);
      },
      error: (_error, _request, response) => {
        if (!(response instanceof ServerResponse) || response.headersSent) {
          // What has begun cannot be answered anew; the client must not wait for its end.
          response.destroy();
          return;
        }
        const statusCode = HttpStatus.SERVICE_UNAVAILABLE;
        const message = 'The activity service is away. Try again in a moment.';
        response.writeHead(statusCode, { 'content-type': 'application/json' });
        response.end(JSON.stringify({ statusCode, message }));
      },
    },
  });
}
