import { Module } from '@nestjs/common';
import { ConfigModule } from '@nestjs/config';
import { JwtModule } from '@nestjs/jwt';
import { sessionSettings, type SessionSettings } from './session-settings.js';
import { SessionTokens } from './session-tokens.js';

/** The lifetime of a session, in seconds. */
export const SESSION_LIFETIME_SECONDS = 12 * 60 * 60;

export const SIGN_OPTIONS = { expiresIn: SESSION_LIFETIME_SECONDS, algorithm: 'HS256' } as const;

@Module({
  imports: [
    ConfigModule.forFeature(sessionSettings),
    JwtModule.registerAsync({
      imports: [ConfigModule.forFeature(sessionSettings)],
      inject: [sessionSettings.KEY],
      useFactory: ({ secret }: SessionSettings) => ({
        secret,
        signOptions: SIGN_OPTIONS,
        verifyOptions: { algorithms: [SIGN_OPTIONS.algorithm] },
      }),
    }),
  ],
  providers: [SessionTokens],
  exports: [SessionTokens, ConfigModule],
})
export class SessionModule {}
