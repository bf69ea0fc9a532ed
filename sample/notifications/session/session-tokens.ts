import { Injectable } from '@nestjs/common';
import { JwtService } from '@nestjs/jwt';
import type { Session } from './session.js';

interface Claims {
  readonly sub: string;
  readonly isAdministrator: boolean;
}

/** Sessions as signed tokens: whoever has the secret can check one, without asking anybody. */
@Injectable()
export class SessionTokens {
  constructor(private readonly jwt: JwtService) {}

  sign({ userId, isAdministrator }: Session): Promise<string> {
    const claims: Claims = { sub: userId, isAdministrator };
    return this.jwt.signAsync(claims);
  }

  /** The session of a token; `undefined` if it is forged, expired or none. */
  async verify(token: string): Promise<Session | undefined> {
    try {
      const { sub, isAdministrator } = await this.jwt.verifyAsync<Claims>(token);
      return { userId: sub, isAdministrator };
    } catch {
      return undefined;
    }
  }
}
