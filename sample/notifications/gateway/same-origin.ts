import { HttpStatus } from '@nestjs/common';
import type { NextFunction, Request, Response } from 'express';

const READING = new Set(['GET', 'HEAD', 'OPTIONS']);
/** `none`: typed by the user. What is not sent by a browser says nothing. */
const OURS = new Set(['same-origin', 'none', undefined]);

/**
 * Refuses what another page has the browser of a user do here: a form that is sent from there has the
 * cookie, if that page is on another port of this host or on a neighbour of it.
 */
export function refuseOtherOrigins(request: Request, response: Response, next: NextFunction): void {
  const site = request.headers['sec-fetch-site'];
  if (READING.has(request.method) || OURS.has(site)) {
    next();
    return;
  }
  const statusCode = HttpStatus.FORBIDDEN;
  response.status(statusCode).json({ statusCode, message: 'Another site asked for this' });
}
