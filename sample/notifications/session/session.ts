import type { Request } from 'express';

/** The user of a request. */
export interface Session {
  readonly userId: string;
  readonly isAdministrator: boolean;
  readonly expiresAt: Date;
}

/** A request that `SessionGuard` has allowed. */
export interface SignedInRequest extends Request {
  session: Session;
}
