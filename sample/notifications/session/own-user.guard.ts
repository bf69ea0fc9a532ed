import {
  ForbiddenException,
  Injectable,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import type { SignedInRequest } from './session.js';

/** Behind the `SessionGuard`: lets users through to what is theirs, by the `:userId` of the route. */
@Injectable()
export class OwnUserGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { params, session } = context.switchToHttp().getRequest<SignedInRequest>();
    if (params.userId === session.userId) return true;
    throw new ForbiddenException('This belongs to another user');
  }
}
