import {
  BadRequestException,
  Body,
  Controller,
  Get,
  HttpCode,
  HttpStatus,
  Post,
  ValidationPipe,
} from '@nestjs/common';
import { IsString } from 'class-validator';
import { readSettings } from '../node/settings.js';
import { findPerson, PEOPLE, type Person } from '../rooms/people.js';
import { Sessions } from './sessions.js';

class SignInRequest {
  @IsString()
  userId!: string;
}

/** Signs users in. The sample has no passwords: any user can be chosen. */
@Controller()
export class SessionController {
  constructor(private readonly sessions: Sessions) {}

  /** What the page needs before anyone has signed in. */
  @Get('start')
  start(): { readonly people: readonly Person[]; readonly nodes: readonly string[] } {
    return { people: PEOPLE, nodes: readSettings().nodes };
  }

  @Post('session')
  @HttpCode(HttpStatus.OK)
  async signIn(
    @Body(new ValidationPipe({ whitelist: true, transform: true })) { userId }: SignInRequest,
  ): Promise<{ user: Person; token: string }> {
    const user = findPerson(userId);
    if (!user) throw new BadRequestException('There is no such user');
    return { user, token: await this.sessions.sign(user) };
  }
}
