import { HttpStatus } from '@nestjs/common';
import type { NextFunction, Request, Response } from 'express';

const THIS_MACHINE = ['localhost', '127.0.0.1', '[::1]'];
/** A host name or an IP address, and a port. */
const HOST = /^(\[[\da-f:.]+\]|[^\s:/?#@[\]]+)(?::\d+)?$/i;

/**
 * Middleware that rejects requests for another host name than those of this machine and of ALLOWED_HOSTS. A
 * site can point its own name to this machine (DNS rebinding); for the browser such a request has the site's
 * origin.
 */
export function refuseOtherHosts({
  allowedHosts,
}: {
  readonly allowedHosts: readonly string[];
}): (request: Request, response: Response, next: NextFunction) => void {
  const allowed = new Set([...THIS_MACHINE, ...allowedHosts]);
  return (request, response, next) => {
    const [, name = ''] = HOST.exec(request.headers.host ?? '') ?? [];
    if (allowed.has(name.toLowerCase())) {
      next();
      return;
    }
    const statusCode = HttpStatus.FORBIDDEN;
    const message = 'This host name is not allowed. To allow it, add it to ALLOWED_HOSTS.';
    response.status(statusCode).json({ statusCode, message });
  };
}
