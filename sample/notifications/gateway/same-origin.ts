import { HttpStatus } from '@nestjs/common';
import type { NextFunction, Request, Response } from 'express';

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);
/** `none` is an address that the user typed. Clients other than browsers send no such header. */
const ALLOWED_SITES = new Set(['same-origin', 'none', undefined]);

/**
 * Rejects requests that a page of another origin makes with the user's cookie. `SameSite` does not prevent
 * them if that page is on another port of this host or on a sibling domain.
 */
export function refuseOtherOrigins(request: Request, response: Response, next: NextFunction): void {
  const site = request.headers['sec-fetch-site'];
  if (SAFE_METHODS.has(request.method) || ALLOWED_SITES.has(site)) {
    next();
    return;
  }
  const statusCode = HttpStatus.FORBIDDEN;
  response
    .status(statusCode)
    .json({ statusCode, message: 'Requests from another site are not allowed' });
}
