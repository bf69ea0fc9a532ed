import {
  ForbiddenException,
  Injectable,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import type { SignedInRequest } from './session.js';

/** Allows administrators only. Use it after `SessionGuard`. */
@Injectable()
export class AdministratorGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    if (context.switchToHttp().getRequest<SignedInRequest>().session.isAdministrator) return true;
    throw new ForbiddenException('Only an administrator may do this');
  }
}
