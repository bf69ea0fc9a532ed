import { JwtService, type JwtSignOptions } from '@nestjs/jwt';

/** The secret of the sample under test. A test signs its own sessions with it. */
export const SESSION_SECRET = 'the tests sign sessions with this secret';

const jwt = new JwtService();

/** A token of the form that the gateway signs, with other options. */
export function signToken(
  { id, isAdministrator = false }: { readonly id: string; readonly isAdministrator?: boolean },
  options: JwtSignOptions = {},
): string {
  const defaults = { secret: SESSION_SECRET, algorithm: 'HS256', expiresIn: 3_600 } as const;
  return jwt.sign({ sub: id, isAdministrator }, { ...defaults, ...options });
}

/** When a token expires, in milliseconds since the epoch. */
export function expiryOf(token: string): number {
  const { exp } = jwt.decode<{ exp: number }>(token);
  return exp * 1_000;
}
