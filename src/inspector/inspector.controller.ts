import { createHash } from 'node:crypto';
import {
  Controller,
  Get,
  Header,
  Query,
  Res,
  UseGuards,
  VERSION_NEUTRAL,
  type Type,
} from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { InspectorRoute } from './inspector-options.js';
import { InspectorViews } from './inspector-views.js';
import { page } from './page/index.html';

/** A hash of what is inline in the page: the browser runs no other script, and applies no other style. */
function hashOf(tag: 'script' | 'style'): string {
  const [, text = ''] = new RegExp(`<${tag}[^>]*>([^]*)</${tag}>`).exec(page) ?? [];
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}

/** The page needs no more than this; names and payloads that look like markup can do nothing. */
const POLICY = [
  "default-src 'none'",
  `script-src ${hashOf('script')}`,
  `style-src ${hashOf('style')}`,
  "connect-src 'self'",
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

/**
 * Creates the controller of a page. Each page has a class of its own, since Nest keeps route and guards with the class.
 * The methods reply through the adapter of Nest: an interceptor of the application that wraps what handlers return would
 * wrap the page, too.
 */
export function createInspectorController({ route, guards }: InspectorRoute): Type {
  @Controller({ path: route, version: VERSION_NEUTRAL })
  class PubSubInspectorController {
    constructor(
      private readonly host: HttpAdapterHost,
      private readonly views: InspectorViews,
    ) {}

    @Get()
    @Header('Content-Type', 'text/html; charset=utf-8')
    @Header('Content-Security-Policy', POLICY)
    @Header('Referrer-Policy', 'no-referrer')
    @Header('X-Content-Type-Options', 'nosniff')
    @Header('Cache-Control', 'no-store')
    page(@Res() response: unknown): void {
      this.host.httpAdapter.reply(response, page, 200);
    }

    @Get('data')
    @Header('Cache-Control', 'no-store')
    async data(@Query() query: object, @Res() response: unknown): Promise<void> {
      this.host.httpAdapter.reply(response, await this.views.data(query), 200);
    }

    @Get('messages')
    @Header('Cache-Control', 'no-store')
    messages(@Query() query: object, @Res() response: unknown): void {
      this.host.httpAdapter.reply(response, this.views.messages(query), 200);
    }
  }
  if (guards.length > 0) UseGuards(...guards)(PubSubInspectorController);
  return PubSubInspectorController;
}
