import type { Request } from 'express';
import { settings } from '../process/settings.js';

const BEARER = 'Bearer ';
/** Anything may stand in a cookie; what does not look like a token is none. */
const TOKEN = /^[\w-]+\.[\w-]+\.[\w-]+$/;

/** The token of a request: from a header, as services send it, or from the cookie, as browsers do. */
export function tokenOf(request: Request): string | undefined {
  const { authorization } = request.headers;
  const cookies = request.cookies as Record<string, string | undefined> | undefined;
  const token = authorization?.startsWith(BEARER)
    ? authorization.slice(BEARER.length)
    : cookies?.[settings.sessionCookie];
  return token && TOKEN.test(token) ? token : undefined;
}
