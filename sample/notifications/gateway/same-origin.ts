import {
  ForbiddenException,
  HttpStatus,
  Injectable,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import type { NextFunction, Request, Response } from 'express';

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);
/** `none` is an address that the user typed. Clients other than browsers send no such header. */
const ALLOWED_SITES = new Set(['same-origin', 'none', undefined]);
const MESSAGE = 'Requests from another site are not allowed';

/**
 * Middleware that rejects changes that a page of another origin requests with the user's cookie. `SameSite`
 * does not prevent them if that page is on another port of this host or on a sibling domain.
 */
export function refuseOtherOrigins(request: Request, response: Response, next: NextFunction): void {
  if (SAFE_METHODS.has(request.method) || isSameOrigin(request)) {
    next();
    return;
  }
  const statusCode = HttpStatus.FORBIDDEN;
  response.status(statusCode).json({ statusCode, message: MESSAGE });
}

/** Allows only pages of this origin to open a stream, which is a GET request and lasts. */
@Injectable()
export class SameOriginGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    if (isSameOrigin(context.switchToHttp().getRequest<Request>())) return true;
    throw new ForbiddenException(MESSAGE);
  }
}

/**
 * Whether no page of another origin sent the request. Over plain HTTP browsers send `Sec-Fetch-Site` to
 * localhost only, so that `Origin` is compared with `Host` too. A request with neither header is not from a
 * browser: every browser sends `Origin` with a change.
 *
 * @see https://pkg.go.dev/net/http#CrossOriginProtection
 */
function isSameOrigin({ headers }: Request): boolean {
  if (!ALLOWED_SITES.has(headers['sec-fetch-site'])) return false;
  const { origin, host } = headers;
  if (origin === undefined) return true;
  return URL.canParse(origin) && new URL(origin).host === host?.toLowerCase();
}
