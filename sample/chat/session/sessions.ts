import { Injectable } from '@nestjs/common';
import { JwtService } from '@nestjs/jwt';
import { findPerson, type Person } from '../rooms/people.js';

/** The user of a socket. */
export interface Session {
  readonly user: Person;
  readonly expiresAt: Date;
}

interface Claims {
  readonly sub: string;
  /** In seconds. */
  readonly exp: number;
}

/** Sessions as signed tokens, which each node verifies with the shared secret. */
@Injectable()
export class Sessions {
  constructor(private readonly jwt: JwtService) {}

  sign({ id }: Person): Promise<string> {
    return this.jwt.signAsync({ sub: id });
  }

  /** The session of a token; `undefined` if the token is invalid or expired, or its user does not exist. */
  async verify(token: unknown): Promise<Session | undefined> {
    if (typeof token !== 'string') return undefined;
    try {
      const { sub, exp } = await this.jwt.verifyAsync<Claims>(token);
      const user = findPerson(sub);
      return user && { user, expiresAt: new Date(exp * 1_000) };
    } catch {
      return undefined;
    }
  }
}
