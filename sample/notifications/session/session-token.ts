import type { Request } from 'express';

const BEARER = 'Bearer ';
/** The form of a JSON Web Token. A cookie can contain any text. */
const TOKEN = /^[\w-]+\.[\w-]+\.[\w-]+$/;

/** The token of a request: from the `authorization` header of a service, or from the cookie of this name of a browser. */
export function tokenOf(request: Request, cookie: string): string | undefined {
  const { authorization } = request.headers;
  const cookies = request.cookies as Record<string, string | undefined> | undefined;
  const token = authorization?.startsWith(BEARER)
    ? authorization.slice(BEARER.length)
    : cookies?.[cookie];
  return token && TOKEN.test(token) ? token : undefined;
}
