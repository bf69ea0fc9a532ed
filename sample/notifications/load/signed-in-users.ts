import { JwtService } from '@nestjs/jwt';
import { SIGN_OPTIONS } from '../session/session.module.js';
import { SessionTokens } from '../session/session-tokens.js';

/** The ids of the users of a load test begin with it. */
export const LOAD_USER_PREFIX = 'load-';

export interface SignedInUser {
  readonly id: string;
  readonly token: string;
}

/** Creates `count` users with tokens that are signed with the secret of the gateway. */
export function signInUsers(count: number, secret: string): Promise<SignedInUser[]> {
  const tokens = new SessionTokens(new JwtService({ secret, signOptions: SIGN_OPTIONS }));
  return Promise.all(
    Array.from({ length: count }, async (_, i) => {
      const id = `${LOAD_USER_PREFIX}${i}`;
      return { id, token: await tokens.sign({ userId: id, isAdministrator: false }) };
    }),
  );
}
