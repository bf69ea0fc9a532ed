/**
 * Every place where the transport reaches into parts of `@nestjs/microservices` that are not public, read in
 * 11.1 and 12.1. Each has a test against the supported versions.
 */
import { Server, type MsPattern } from '@nestjs/microservices';

/** Returns Nest's normalised form of a pattern. `Server#normalizePattern` is protected. */
export function normalizePattern(pattern: unknown): string {
  const nest = Server.prototype as unknown as { normalizePattern(pattern: MsPattern): string };
  return nest.normalizePattern(pattern as MsPattern);
}

/** The reply for an error that its caller must not see. The words are those of Nest's `BaseRpcExceptionFilter`. */
export const INTERNAL_ERROR = { status: 'error', message: 'Internal server error' } as const;

/** Whether an error is the one by which Nest's exception filter replaces every error but an `RpcException`. */
export function isHiddenByNest(error: unknown): boolean {
  return (
    typeof error === 'object' &&
    error !== null &&
    !(error instanceof Error) &&
    Reflect.get(error, 'status') === INTERNAL_ERROR.status &&
    Reflect.get(error, 'message') === INTERNAL_ERROR.message
  );
}
