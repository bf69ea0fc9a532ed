import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { SignedInRequest } from './session.js';

/** The id of the user that makes the request. */
export const CurrentUserId = createParamDecorator(
  (_: unknown, context: ExecutionContext): string =>
    context.switchToHttp().getRequest<SignedInRequest>().session.userId,
);
