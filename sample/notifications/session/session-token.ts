import type { Request } from 'express';
import { settings } from '../process/settings.js';

const BEARER = 'Bearer ';
/** The form of a JSON Web Token. A cookie can contain any text. */
const TOKEN = /^[\w-]+\.[\w-]+\.[\w-]+$/;

/** The token of a request: from the `authorization` header of a service, or from the cookie of a browser. */
export function tokenOf(request: Request): string | undefined {
  const { authorization } = request.headers;
  const cookies = request.cookies as Record<string, string | undefined> | undefined;
  const token = authorization?.startsWith(BEARER)
    ? authorization.slice(BEARER.length)
    : cookies?.[settings.sessionCookie];
  return token && TOKEN.test(token) ? token : undefined;
}
