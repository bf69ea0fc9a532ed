import type { Request } from 'express';

/** Who makes a request. */
export interface Session {
  readonly userId: string;
  readonly isAdministrator: boolean;
  readonly expiresAt: Date;
}

/** A request that the `SessionGuard` let through. */
export interface SignedInRequest extends Request {
  session: Session;
}
