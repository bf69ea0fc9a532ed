import { Module } from '@nestjs/common';
import { StorageModule } from '../storage/storage.module.js';
import { Inbox } from './inbox.js';

@Module({ imports: [StorageModule], providers: [Inbox], exports: [Inbox, StorageModule] })
export class InboxModule {}
