import {
  BadRequestException,
  Body,
  Controller,
  Delete,
  Get,
  HttpCode,
  HttpStatus,
  Inject,
  Post,
  Res,
  UseGuards,
} from '@nestjs/common';
import { IsString } from 'class-validator';
import type { CookieOptions, Response } from 'express';
import { DEMO_USERS, findUser, type User } from '../contract/demo-users.js';
import { ChangeLimitGuard } from '../http/change-limit.js';
import { CurrentUserId } from '../session/current-user-id.decorator.js';
import { SESSION_LIFETIME_SECONDS } from '../session/session.module.js';
import { sessionSettings, type SessionSettings } from '../session/session-settings.js';
import { SessionGuard } from '../session/session.guard.js';
import { SessionTokens } from '../session/session-tokens.js';
import { INSTANCE } from './instance.js';

class SignInRequest {
  @IsString()
  userId!: string;
}

interface SignedIn {
  readonly user: User;
  /** The name of the gateway that sends the response. */
  readonly instance: string;
}

/** Scripts cannot read the cookie, and requests from other sites do not send it. Behind TLS add `secure`. */
const COOKIE: CookieOptions = { httpOnly: true, sameSite: 'strict', path: '/' };

/** Signs users in and out. The sample has no passwords: any user can be chosen. */
@Controller()
export class SessionController {
  constructor(
    private readonly tokens: SessionTokens,
    @Inject(sessionSettings.KEY) private readonly settings: SessionSettings,
  ) {}

  @Get('people')
  people(): readonly User[] {
    return DEMO_USERS;
  }

  @Post('session')
  @UseGuards(ChangeLimitGuard)
  @HttpCode(HttpStatus.OK)
  async signIn(
    @Body() { userId }: SignInRequest,
    @Res({ passthrough: true }) response: Response,
  ): Promise<SignedIn> {
    const user = findUser(userId);
    if (!user) throw new BadRequestException(`There is no user "${userId}"`);
    const token = await this.tokens.sign({ userId, isAdministrator: user.isAdministrator });
    response.cookie(this.settings.cookie, token, {
      ...COOKIE,
      maxAge: SESSION_LIFETIME_SECONDS * 1_000,
    });
    return { user, instance: INSTANCE };
  }

  @Get('session')
  @UseGuards(SessionGuard)
  whoAmI(@CurrentUserId() id: string): SignedIn {
    // SessionGuard allows only users that exist.
    return { user: findUser(id) as User, instance: INSTANCE };
  }

  @Delete('session')
  @UseGuards(ChangeLimitGuard)
  @HttpCode(HttpStatus.NO_CONTENT)
  signOut(@Res({ passthrough: true }) response: Response): void {
    response.clearCookie(this.settings.cookie, COOKIE);
  }
}
