import { Module } from '@nestjs/common';
import { JwtModule } from '@nestjs/jwt';
import { readSettings } from '../node/settings.js';
import { SessionController } from './session.controller.js';
import { Sessions } from './sessions.js';

const LIFETIME_SECONDS = 12 * 60 * 60;

@Module({
  imports: [
    JwtModule.registerAsync({
      useFactory: () => ({
        secret: readSettings().sessionSecret,
        signOptions: { expiresIn: LIFETIME_SECONDS, algorithm: 'HS256' },
        verifyOptions: { algorithms: ['HS256'] },
      }),
    }),
  ],
  controllers: [SessionController],
  providers: [Sessions],
  exports: [Sessions],
})
export class SessionModule {}
