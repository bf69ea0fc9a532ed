import { randomUUID } from 'node:crypto';
import {
  Body,
  Controller,
  Headers,
  HttpCode,
  HttpException,
  HttpStatus,
  Param,
  ParseUUIDPipe,
  Post,
  Query,
  Sse,
  type MessageEvent,
} from '@nestjs/common';
import { IsNotEmpty, IsString, MaxLength } from 'class-validator';
import { ResumableStreams, StreamError } from 'nestjs-redis-pubsub/resumable';
import type { Observable } from 'rxjs';
import { answer, type Piece } from './model.js';

/** A reader may be faster than Redis after a restart, in milliseconds. */
const START_TIMEOUT_MS = 5_000;

class Question {
  @IsString()
  @IsNotEmpty()
  @MaxLength(500)
  prompt!: string;
}

/**
 * The answers of the assistant. The instance that takes a question writes its answer, and each instance can read it. An
 * id cannot be guessed, so the one that has it may read. With accounts, check here whose answer it is.
 */
@Controller('answers')
export class AnswersController {
  constructor(private readonly streams: ResumableStreams) {}

  @Post()
  async ask(@Body() { prompt }: Question): Promise<{ readonly id: string }> {
    const id = randomUUID();
    await this.streams.start<Piece>(id, (signal) => answer(prompt, signal));
    return { id };
  }

  /** A browser sends the header when it reconnects by itself, and the page sends `after` when it does that. */
  @Sse(':id/stream')
  stream(
    @Param('id', ParseUUIDPipe) id: string,
    @Headers('last-event-id') lastEventId?: string,
    @Query('after') after?: string,
  ): Observable<MessageEvent> {
    const since = lastEventId ?? (typeof after === 'string' ? after : undefined);
    return this.streams.readEvents(id, { lastEventId: since, startTimeout: START_TIMEOUT_MS });
  }

  @Post(':id/stop')
  @HttpCode(HttpStatus.NO_CONTENT)
  async stop(@Param('id', ParseUUIDPipe) id: string): Promise<void> {
    try {
      await this.streams.stop(id);
    } catch (error) {
      if (!(error instanceof StreamError)) throw error;
      throw new HttpException(error.message, HttpStatus.GONE, { cause: error });
    }
  }
}
