import { ConfigModule, registerAs, type ConfigType } from '@nestjs/config';
import { readSettings } from './settings.js';

/** The settings of a service, for injection: `@Inject(serviceSettings.KEY) settings: ServiceSettings`. */
export const serviceSettings = registerAs('service', readSettings);

export type ServiceSettings = ConfigType<typeof serviceSettings>;

/** Provides the settings to every module of a service. */
export const SettingsModule = ConfigModule.forRoot({
  isGlobal: true,
  ignoreEnvFile: true,
  load: [serviceSettings],
});
