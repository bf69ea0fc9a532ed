import {
  Inject,
  Injectable,
  UnauthorizedException,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import { findUser } from '../contract/demo-users.js';
import { sessionSettings, type SessionSettings } from './session-settings.js';
import { SessionTokens } from './session-tokens.js';
import { tokenOf } from './session-token.js';
import type { SignedInRequest } from './session.js';

/** Allows requests with a valid session of a user that exists, and stores the session in the request. */
@Injectable()
export class SessionGuard implements CanActivate {
  constructor(
    private readonly tokens: SessionTokens,
    @Inject(sessionSettings.KEY) private readonly settings: SessionSettings,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<SignedInRequest>();
    const session = await this.tokens.verify(tokenOf(request, this.settings.cookie) ?? '');
    if (!session || !findUser(session.userId)) throw new UnauthorizedException('Sign in first');
    request.session = session;
    return true;
  }
}
