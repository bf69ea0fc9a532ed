import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { Session, SignedInRequest } from './session.js';

/** The session of the request. */
export const CurrentSession = createParamDecorator(
  (_: unknown, context: ExecutionContext): Session =>
    context.switchToHttp().getRequest<SignedInRequest>().session,
);
