import { runApp } from '@app/platform';
import { startLicenseApp } from './license-app';
import { LicenseConfig } from './license.config';

void runApp({
  name: 'license',
  summary: 'decides whether a request may run',
  config: LicenseConfig,
  start: async (context) => void (await startLicenseApp(context)),
});
