import {
  Injectable,
  UnauthorizedException,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import { SessionTokens } from './session-tokens.js';
import { tokenOf } from './session-token.js';
import type { SignedInRequest } from './session.js';

/** Allows requests with a valid session and stores the session in the request. */
@Injectable()
export class SessionGuard implements CanActivate {
  constructor(private readonly tokens: SessionTokens) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<SignedInRequest>();
    const session = await this.tokens.verify(tokenOf(request) ?? '');
    if (!session) throw new UnauthorizedException('Sign in first');
    request.session = session;
    return true;
  }
}
