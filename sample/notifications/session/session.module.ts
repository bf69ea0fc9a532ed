import { Module } from '@nestjs/common';
import { JwtModule } from '@nestjs/jwt';
import { settings } from '../process/settings.js';
import { SessionTokens } from './session-tokens.js';

/** How long one stays signed in, in seconds. */
export const SESSION_LIFETIME = 12 * 60 * 60;

export const SIGN_OPTIONS = { expiresIn: SESSION_LIFETIME, algorithm: 'HS256' } as const;

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
