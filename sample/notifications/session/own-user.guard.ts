import {
  ForbiddenException,
  Injectable,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import type { SignedInRequest } from './session.js';

/** Allows a user only the routes with their own `:userId`. Use it after `SessionGuard`. */
@Injectable()
export class OwnUserGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { params, session } = context.switchToHttp().getRequest<SignedInRequest>();
    if (params.userId === session.userId) return true;
    throw new ForbiddenException('This belongs to another user');
  }
}
