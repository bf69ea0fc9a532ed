import { Injectable, Module, type ExecutionContext } from '@nestjs/common';
import { ThrottlerGuard, ThrottlerModule, type ThrottlerLimitDetail } from '@nestjs/throttler';
import { serviceSettings, type ServiceSettings } from '../process/settings.module.js';
import type { SignedInRequest } from '../session/session.js';

const WINDOW_MS = 10_000;

/**
 * Limits the changes that one user can request, of all kinds together. A request above the limit is answered
 * with 429 and `Retry-After`. Use it after `SessionGuard`, in a module that imports {@link ChangeLimitModule}.
 */
@Injectable()
export class ChangeLimitGuard extends ThrottlerGuard {
  protected override async shouldSkip(context: ExecutionContext): Promise<boolean> {
    return context.switchToHttp().getRequest<SignedInRequest>().method === 'GET';
  }

  /** The user, or the address of a visitor that signs in. */
  protected override async getTracker({ session, ip }: Partial<SignedInRequest>): Promise<string> {
    return session?.userId ?? `address ${ip}`;
  }

  /** One counter for all routes. */
  protected override generateKey(_context: ExecutionContext, tracker: string): string {
    return tracker;
  }

  protected override async getErrorMessage(
    _context: ExecutionContext,
    { timeToBlockExpire }: ThrottlerLimitDetail,
  ): Promise<string> {
    return `That was too fast. Try again in ${timeToBlockExpire} s.`;
  }
}

@Module({
  imports: [
    ThrottlerModule.forRootAsync({
      inject: [serviceSettings.KEY],
      useFactory: ({ changeLimit }: ServiceSettings) => [{ ttl: WINDOW_MS, limit: changeLimit }],
    }),
  ],
  exports: [ThrottlerModule],
})
export class ChangeLimitModule {}
