import { HttpStatus } from '@nestjs/common';
import type { Request, RequestHandler } from 'express';
import { createProxyMiddleware } from 'http-proxy-middleware';
import { ServerResponse } from 'node:http';
import type { Settings } from '../process/settings.js';
import type { SessionSettings } from '../session/session-settings.js';
import { tokenOf } from '../session/session-token.js';

/** Timeout of the activity service, in milliseconds. */
const TIMEOUT_MS = 3_000;

/**
 * Forwards requests to the activity service, so that the page has one origin. The cookie is not forwarded:
 * between services the token is in the `authorization` header.
 */
export function activityProxy(
  { activityUrl }: Settings,
  { cookie }: SessionSettings,
): RequestHandler {
  return createProxyMiddleware<Request>({
    target: activityUrl,
    // The activity service accepts only its own host names.
    changeOrigin: true,
    proxyTimeout: TIMEOUT_MS,
    on: {
      proxyReq: (outgoing, request) => {
        const token = tokenOf(request, cookie);
        outgoing.removeHeader('cookie');
        if (token) outgoing.setHeader('authorization', `Bearer ${token}`);
      },
      error: (_error, _request, response) => {
        if (!(response instanceof ServerResponse) || response.headersSent) {
          // A response that has started cannot become an error response, and the client must not wait for its end.
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
