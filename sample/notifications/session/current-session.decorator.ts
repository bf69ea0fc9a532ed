import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { Session, SignedInRequest } from './session.js';

/** Who makes the request. */
export const CurrentSession = createParamDecorator(
  (_: unknown, context: ExecutionContext): Session =>
    context.switchToHttp().getRequest<SignedInRequest>().session,
);
