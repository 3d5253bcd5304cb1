import { itRefuses, itTakes } from './refusals';
import { containerOf, environmentOf, named, policiesOf, refusal, render, workload, type Choice } from './rendered';

const production = { files: ['production'] };
const endpoint = 'license.endpoint=https://license.vendor.example';
const addresses = 'networkPolicy.licenseEndpoint.cidrs={203.0.113.0/28}';
const license = (choice: Choice) => workload(render(choice), 'license');

describe('connected mode', () => {
  describe('is refused without what it needs', () => {
    itRefuses([
      [
        ['license.mode=connected'],
        ['license.mode is connected', 'license.endpoint', 'networkPolicy.licenseEndpoint.cidrs', 'airgapped'],
      ],
      [
        ['license.mode=connected', endpoint],
        ['network policies block license.endpoint', 'licenseEndpoint.cidrs', 'ownPolicy'],
      ],
      [
        ['license.mode=connected', endpoint, 'license.httpsProxy=http://10.0.0.8:3128'],
        ['network policies block license.httpsProxy, http://10.0.0.8:3128', 'licenseEndpoint.cidrs'],
      ],
      [
        ['license.mode=connected', `${endpoint}:8443/v1`, addresses],
        ['licenseEndpoint.port is 443', 'dials port 8443 of license.endpoint', 'set the port to 8443'],
      ],
      [
        ['license.mode=connected', endpoint, addresses, 'license.httpsProxy=http://10.0.0.8:3128'],
        ['licenseEndpoint.port is 443', 'dials port 3128 of license.httpsProxy'],
      ],
      [
        ['license.mode=connected', endpoint, addresses, 'license.httpsProxy=http://10.0.0.8'],
        ['dials port 80 of license.httpsProxy'],
      ],
      ...[
        'http://license.vendor.example',
        'license.vendor.example',
        'https://a@b.example',
        'https://b.example/?a=b',
      ].map(
        (text) =>
          [
            ['license.mode=connected', `license.endpoint=${text}`, addresses],
            [`license.endpoint is ${text}`, 'a URL with https'],
          ] as const,
      ),
    ]);
  });

  it('is that of production, which says what is not filled in', () => {
    expect(refusal({ ...production, set: ['license.endpoint='] })).toContain('set license.endpoint');
    const unopened = refusal({ ...production, set: ['networkPolicy.licenseEndpoint.cidrs=null'] });
    expect(unopened).toContain('networkPolicy.licenseEndpoint.cidrs');
  });

  describe('is taken with it', () =>
    itTakes([
      ['license.mode=connected', endpoint, addresses],
      ['license.mode=connected', `${endpoint}:8443/v1`, addresses, 'networkPolicy.licenseEndpoint.port=8443'],
      ['license.mode=connected', endpoint, 'networkPolicy.licenseEndpoint.ownPolicy=true'],
      ['license.mode=connected', endpoint, 'global.networkPolicy.enabled=false'],
    ]));

  it('tells the license app of the endpoint, its CA, the proxy and the name of the deployment', () => {
    const app = license({
      ...production,
      set: [
        'license.caSecret.name=vendor-ca',
        'license.caSecret.key=vendor.pem',
        'license.httpsProxy=http://10.0.0.8:443',
        'license.httpsProxySecret.name=proxy',
        'license.noProxy={.corp.example,10.0.0.9}',
        'license.deployment=prod-1',
      ],
    });
    expect(environmentOf(app)).toMatchObject({
      LICENSE_MODE: 'connected',
      LICENSE_ENDPOINT: 'https://license.vendor.example',
      LICENSE_CA_FILE: '/etc/antiphon/ca/vendor.pem',
      HTTPS_PROXY: 'http://10.0.0.8:443',
      NO_PROXY: '.corp.example,10.0.0.9',
      LICENSE_DEPLOYMENT: 'prod-1',
    });
    expect(containerOf(app).env).toContainEqual({
      name: 'HTTPS_PROXY_CREDENTIALS',
      valueFrom: { secretKeyRef: { name: 'proxy', key: 'credentials' } },
    });
    expect(containerOf(app).volumeMounts).toContainEqual({ name: 'ca', mountPath: '/etc/antiphon/ca', readOnly: true });
    expect(app.template.spec.volumes).toContainEqual({ name: 'ca', secret: { secretName: 'vendor-ca' } });
  });

  it('opens the endpoint to the license app alone', () => {
    const policy = named(render(production), 'NetworkPolicy', 'antiphon-license-endpoint');
    expect(policy.spec).toEqual({
      podSelector: { matchLabels: { 'serving.knative.dev/service': 'license' } },
      policyTypes: ['Egress'],
      egress: [{ to: [{ ipBlock: { cidr: '203.0.113.0/28' } }], ports: [{ protocol: 'TCP', port: 443 }] }],
    });
  });
});

describe('air-gapped mode', () => {
  const choices: readonly (readonly [string, Choice])[] = [
    ['the default values', {}],
    ['dev', { files: ['dev'] }],
    ['air-gapped', { files: ['production', 'airgapped'] }],
  ];

  it.each(choices)('has no endpoint, no proxy and no policy for one with %s', (_, choice) => {
    const set = ['license.caSecret.name=vendor-ca', 'license.noProxy={10.0.0.9}'];
    const environment = environmentOf(license({ ...choice, set }));
    expect(environment['LICENSE_MODE']).toBe('airgapped');
    expect(Object.keys(environment).filter((name) => /ENDPOINT|PROXY|CA_FILE/.test(name))).toEqual([]);
    const names = policiesOf(render(choice)).map(({ metadata }) => metadata.name);
    expect(names).not.toContain('antiphon-license-endpoint');
  });

  describe('is refused with what only connected mode uses', () =>
    itRefuses([
      [[endpoint], ['license.endpoint is https://license.vendor.example', 'license.mode is airgapped', 'connected']],
      [[addresses], ['networkPolicy.licenseEndpoint.cidrs', 'license.mode is airgapped']],
    ]));
});

describe('usage records and the audit log', () => {
  it('have their retention, their size in bytes and the key that signs from the values', () => {
    const app = license({
      set: [
        'license.usage.retentionDays=70',
        'license.usage.maxBytes=512Mi',
        'license.audit.retentionDays=800',
        'license.audit.maxBytes=1.25Gi',
        'license.audit.keySecret.name=audit-key',
      ],
    });
    expect(environmentOf(app)).toMatchObject({
      USAGE_RETENTION_DAYS: '70',
      USAGE_MAX_BYTES: '536870912',
      AUDIT_RETENTION_DAYS: '800',
      AUDIT_MAX_BYTES: '1342177280',
      AUDIT_KEY_FILE: '/etc/antiphon/audit/audit-private.pem',
    });
    const mount = { name: 'audit', mountPath: '/etc/antiphon/audit', readOnly: true };
    expect(containerOf(app).volumeMounts).toContainEqual(mount);
    expect(app.template.spec.volumes).toContainEqual({ name: 'audit', secret: { secretName: 'audit-key' } });
  });

  it('have no key of a Secret unless one is named', () => {
    expect(environmentOf(license({}))).not.toHaveProperty('AUDIT_KEY_FILE');
  });

  const reserved = ['license.usage.maxBytes and license.audit.maxBytes are', 'nats.jetstream.disk', 'raise disk'];
  itRefuses([
    [['license.audit.maxBytes=2Gi'], [...reserved, '256Mi and 2Gi', 'nats.jetstream.disk, 2Gi']],
    [['nats.jetstream.disk=512Mi'], [...reserved, 'nats.jetstream.disk, 512Mi']],
  ]);
  itTakes([['nats.jetstream.disk=513Mi']]);

  it.each([
    ['the default values', {}, 256],
    ['dev', { files: ['dev'] }, 256],
    ['production', production, 2048],
    ['air-gapped', { files: ['production', 'airgapped'] }, 2048],
  ] as const)('have their size with %s', (_, choice, mebibytes) => {
    const { USAGE_MAX_BYTES, AUDIT_MAX_BYTES } = environmentOf(license(choice));
    expect([USAGE_MAX_BYTES, AUDIT_MAX_BYTES].map(Number)).toEqual([mebibytes * 1_048_576, mebibytes * 1_048_576]);
  });
});
