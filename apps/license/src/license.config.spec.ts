import { loadConfig } from '@app/platform';
import { LicenseConfig } from './license.config';

const minimal = { LICENSE_FILE: 'a.jwt, b.jwt', LICENSE_PUBLIC_KEY_FILE: 'keys.pem' };

it('needs a licence and whom to trust, and nothing else', () => {
  expect(loadConfig(LicenseConfig, minimal)).toMatchObject({ licenseFile: ['a.jwt', 'b.jwt'], port: 8080 });
  expect(() => loadConfig(LicenseConfig, {})).toThrow(/LICENSE_FILE must be set; LICENSE_PUBLIC_KEY_FILE must be set/);
});

it('takes the two modes of a licence and no other', () => {
  expect(loadConfig(LicenseConfig, { ...minimal, LICENSE_MODE: 'connected' }).licenseMode).toBe('connected');
  expect(() => loadConfig(LicenseConfig, { ...minimal, LICENSE_MODE: 'offline' })).toThrow(
    /LICENSE_MODE must be one of the following values: airgapped, connected/,
  );
});
