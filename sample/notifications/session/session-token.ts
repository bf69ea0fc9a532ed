import type { Request } from 'express';
import { settings } from '../process/settings.js';

const BEARER = 'Bearer ';

/** The token of a request: from a header, as services send it, or from the cookie, as browsers do. */
export function tokenOf(request: Request): string | undefined {
  const { authorization } = request.headers;
  if (authorization?.startsWith(BEARER)) return authorization.slice(BEARER.length);
  const cookies = request.cookies as Record<string, string | undefined> | undefined;
  return cookies?.[settings.sessionCookie];
}
