import { Controller, Get } from '@nestjs/common';

/** What an instance is started with. */
export class InstanceSettings {
  readonly name!: string;
  readonly port!: number;
  readonly redisUrl!: string;
  /** The addresses of the other instances, which can read each answer, too. */
  readonly others!: readonly string[];
}

/** Tells the page which instance it comes from. */
@Controller('instance')
export class InstanceController {
  constructor(private readonly settings: InstanceSettings) {}

  @Get()
  instance(): Pick<InstanceSettings, 'name' | 'others'> {
    const { name, others } = this.settings;
    return { name, others };
  }
}
