import { Module } from '@nestjs/common';
import { JwtModule } from '@nestjs/jwt';
import { settings } from '../process/settings.js';
import { SessionTokens } from './session-tokens.js';

/** The lifetime of a session, in seconds. */
export const SESSION_LIFETIME_SECONDS = 12 * 60 * 60;

export const SIGN_OPTIONS = { expiresIn: SESSION_LIFETIME_SECONDS, algorithm: 'HS256' } as const;

@Module({
  imports: [
    JwtModule.registerAsync({
      useFactory: () => ({
        secret: settings.sessionSecret,
        signOptions: SIGN_OPTIONS,
        verifyOptions: { algorithms: [SIGN_OPTIONS.algorithm] },
      }),
    }),
  ],
  providers: [SessionTokens],
  exports: [SessionTokens],
})
export class SessionModule {}
