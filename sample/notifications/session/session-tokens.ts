import { Injectable } from '@nestjs/common';
import { JwtService } from '@nestjs/jwt';
import type { Session } from './session.js';

interface Claims {
  readonly sub: string;
  readonly isAdministrator: boolean;
}

interface SignedClaims extends Claims {
  /** In seconds. */
  readonly exp: number;
}

/** Sessions as signed tokens, which each service verifies with the shared secret and without a lookup. */
@Injectable()
export class SessionTokens {
  constructor(private readonly jwt: JwtService) {}

  sign({ userId, isAdministrator }: Omit<Session, 'expiresAt'>): Promise<string> {
    const claims: Claims = { sub: userId, isAdministrator };
    return this.jwt.signAsync(claims);
  }

  /** The session of a token; `undefined` if the token is invalid or expired. */
  async verify(token: string): Promise<Session | undefined> {
    try {
      const { sub, isAdministrator, exp } = await this.jwt.verifyAsync<SignedClaims>(token);
      return { userId: sub, isAdministrator, expiresAt: new Date(exp * 1_000) };
    } catch {
      return undefined;
    }
  }
}
