import { loadConfig, type Environment } from '@app/platform';
import { LicenseConfig } from './license.config';

const minimal = { LICENSE_FILE: 'a.jwt, b.jwt', LICENSE_PUBLIC_KEY_FILE: 'keys.pem' };
const connected = { ...minimal, LICENSE_MODE: 'connected' };
const load = (environment: Environment): Readonly<LicenseConfig> => loadConfig(LicenseConfig, environment);

it('needs a licence and whom to trust, and nothing else', () => {
  expect(load(minimal)).toMatchObject({ licenseFile: ['a.jwt', 'b.jwt'], port: 8080, licenseMode: 'airgapped' });
  expect(() => load({})).toThrow(/LICENSE_FILE must be set; LICENSE_PUBLIC_KEY_FILE must be set/);
});

describe('connected mode', () => {
  it('needs an endpoint', () => {
    expect(() => load(connected)).toThrow(/LICENSE_ENDPOINT must be set/);
  });

  it.each([
    'https://license.vendor.example',
    'https://license.vendor.example:8443/base',
    'http://127.0.0.1:9000',
    'http://localhost:9000',
    'http://[::1]:9000',
  ])('takes the endpoint %s', (licenseEndpoint) => {
    expect(load({ ...connected, LICENSE_ENDPOINT: licenseEndpoint })).toMatchObject({ licenseEndpoint });
  });

  it.each([
    ['http://license.vendor.example', /LICENSE_ENDPOINT must be a URL with https; http is for a loopback address only/],
    ['http://127.0.0.1.vendor.example', /LICENSE_ENDPOINT must be a URL with https; http is/],
    ['http://10.0.0.1', /LICENSE_ENDPOINT must be a URL with https; http is/],
    ['license.vendor.example', /LICENSE_ENDPOINT must be a URL with https/],
    ['ftp://license.vendor.example', /LICENSE_ENDPOINT must be a URL with https/],
    ['https://user:hidden@license.vendor.example', /LICENSE_ENDPOINT must not contain a user or a password/],
    ['https://license.vendor.example?key=hidden', /LICENSE_ENDPOINT must end with its path/],
  ])('refuses the endpoint %s, and does not repeat it', (licenseEndpoint, message) => {
    const refused = (): unknown => load({ ...connected, LICENSE_ENDPOINT: licenseEndpoint });
    expect(refused).toThrow(message);
    expect(refused).not.toThrow(/hidden|example/);
  });

  it('reads the proxy of the operator, with hosts that need none', () => {
    const endpoint = { ...connected, LICENSE_ENDPOINT: 'https://license.vendor.example' };
    const proxy = { HTTPS_PROXY: 'http://user:hidden@proxy:3128', NO_PROXY: '.svc, 10.0.0.1' };
    expect(load({ ...endpoint, ...proxy })).toMatchObject({
      httpsProxy: proxy.HTTPS_PROXY,
      noProxy: ['.svc', '10.0.0.1'],
    });
    const wrong = (): unknown => load({ ...endpoint, HTTPS_PROXY: 'user:hidden@proxy:3128' });
    expect(wrong).toThrow(/HTTPS_PROXY must be a URL with http or https/);
    expect(wrong).not.toThrow(/hidden/);
  });
});

describe('air-gapped mode', () => {
  it('refuses an endpoint, so that nobody believes in contact', () => {
    const endpoint = { ...minimal, LICENSE_ENDPOINT: 'https://license.vendor.example' };
    expect(() => load(endpoint)).toThrow(/LICENSE_ENDPOINT must not be set unless LICENSE_MODE is connected/);
  });

  it('does not look at a proxy that is meant for others', () => {
    expect(() => load({ ...minimal, HTTPS_PROXY: 'nonsense' })).not.toThrow();
  });
});

it('knows two modes', () => {
  expect(() => load({ ...minimal, LICENSE_MODE: 'online' })).toThrow(/LICENSE_MODE must be one of/);
});
