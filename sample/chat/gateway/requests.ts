import { IsInt, IsOptional, IsString, IsUUID, Length, Matches, Min } from 'class-validator';
import { MAX_TEXT_LENGTH } from '../node/limits.js';

/** A request about one room. */
export class RoomRequest {
  @IsString()
  @Length(1, 64)
  room!: string;
}

/** A request for messages after an id, or before an id, or for the newest ones. */
export class HistoryRequest extends RoomRequest {
  @IsOptional()
  @IsInt()
  @Min(0)
  after?: number;

  @IsOptional()
  @IsInt()
  @Min(1)
  before?: number;
}

/** A new message. */
export class SayRequest extends RoomRequest {
  @IsString()
  @Length(1, MAX_TEXT_LENGTH)
  @Matches(/\S/, { message: 'text must have a character that can be seen' })
  text!: string;

  /** The page chooses it once for each message: a message that it sends again is stored once. */
  @IsUUID()
  key!: string;
}

/** The last message of a room that the user has read. */
export class ReadRequest extends RoomRequest {
  @IsInt()
  @Min(0)
  id!: number;
}
