import { loadConfig } from '@app/platform';
import { LicenseConfig } from './license.config';

const minimal = { LICENSE_FILE: 'a.jwt, b.jwt', LICENSE_PUBLIC_KEY_FILE: 'keys.pem' };

it('needs a licence and whom to trust, and nothing else', () => {
  expect(loadConfig(LicenseConfig, minimal)).toMatchObject({ licenseFile: ['a.jwt', 'b.jwt'], port: 8080 });
  expect(() => loadConfig(LicenseConfig, {})).toThrow(/LICENSE_FILE must be set; LICENSE_PUBLIC_KEY_FILE must be set/);
});

it('says that connected mode is not available yet', () => {
  const connected = { ...minimal, LICENSE_MODE: 'connected' };
  expect(() => loadConfig(LicenseConfig, connected)).toThrow(
    /LICENSE_MODE must be airgapped; connected mode is not available yet/,
  );
});
