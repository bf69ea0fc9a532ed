import { Injectable, NotFoundException, type PipeTransform } from '@nestjs/common';
import { findUser } from '../contract/demo-users.js';
import type { UserParams } from '../contract/user-params.js';

/** Answers 404 if the user of a route does not exist. */
@Injectable()
export class ExistingUserPipe implements PipeTransform<UserParams, UserParams> {
  transform(params: UserParams): UserParams {
    if (findUser(params.userId)) return params;
    throw new NotFoundException(`There is no user "${params.userId}"`);
  }
}
