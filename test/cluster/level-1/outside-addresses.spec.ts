import { itRefuses, itTakes } from './refusals';
import { refusal } from './rendered';

const airGapped = { files: ['production', 'airgapped'] };
const withoutRules = ['global.networkPolicy.enabled=false'];

describe('an address outside of an air-gapped cluster is refused', () => {
  const peers = (cidr: string): string[] => [
    'global.nats.url=nats://bus.messaging.svc:4222',
    'global.nats.monitoringEndpoint=bus.messaging.svc:8222',
    `global.nats.peers[0].ipBlock.cidr=${cidr}`,
  ];
  itRefuses(
    [
      [['networkPolicy.licenseEndpoint.cidrs={203.0.113.0/28}'], ['denyExternalEgress', 'licenseEndpoint.cidrs']],
      [['networkPolicy.objectStore.cidrs={198.51.100.0/24}'], ['denyExternalEgress', 'objectStore.cidrs']],
      [['networkPolicy.extraEgress[0].ports[0].port=443'], ['denyExternalEgress', 'extraEgress']],
      [peers('203.0.113.0/28'), ['global.nats.peers', '203.0.113.0/28', 'denyExternalEgress']],
      [peers('0.0.0.0/0'), ['global.nats.peers', '0.0.0.0/0', 'denyExternalEgress']],
      [peers('10.0.0.0/7'), ['global.nats.peers', '10.0.0.0/7', 'denyExternalEgress']],
      [
        ['global.tracing.collectorUrl=https://traces.vendor.example/v1'],
        ['global.tracing.collectorUrl', 'traces.vendor.example', 'denyExternalEgress', 'networkPolicy.internalDomains'],
      ],
      [['global.tracing.collectorUrl=http://203.0.113.5:4318'], ['global.tracing.collectorUrl', '203.0.113.5']],
      [['global.tracing.collectorUrl=http://172.32.0.1:4318'], ['global.tracing.collectorUrl', '172.32.0.1']],
      [
        [
          'global.nats.url=nats://bus.messaging.svc:4222\\,tls://bus.vendor.example:4222',
          'global.nats.monitoringEndpoint=bus.messaging.svc:8222',
          ...withoutRules,
        ],
        ['global.nats.url', 'bus.vendor.example'],
      ],
      [['license.env.LICENSE_ENDPOINT=https://license.vendor.example'], ['license.env.LICENSE_ENDPOINT']],
      [['gateway.env.UPSTREAM=http://203.0.113.9'], ['gateway.env.UPSTREAM', '203.0.113.9']],
      [['inference.env.STORE=s3://store.vendor.example/voices'], ['inference.env.STORE', 'store.vendor.example']],
      [['workers.env.STORE=https://store.vendor.example/voices'], ['workers.env.STORE', 'store.vendor.example']],
      [['license.env.MODE=connected'], ['license.env.MODE is connected', 'denyExternalEgress']],
    ],
    airGapped,
  );

  describe('but not one inside', () =>
    itTakes(
      [
        ['global.tracing.collectorUrl=http://collector.monitoring.svc.cluster.local:4318'],
        ['global.tracing.collectorUrl=http://collector.monitoring.svc:4318'],
        ['global.tracing.collectorUrl=http://collector.monitoring:4318'],
        ['global.tracing.collectorUrl=http://collector:4318'],
        ['global.tracing.collectorUrl=http://10.20.30.40:4318'],
        ['global.tracing.collectorUrl=http://172.16.0.1:4318'],
        ['global.tracing.collectorUrl=https://traces.corp.example', 'networkPolicy.internalDomains={corp.example}'],
        ['gateway.env.SERVED=voice-1\\,voice-2'],
        ['gateway.env.MAX_UPLOAD_BYTES=1000000'],
        peers('10.1.0.0/16'),
      ],
      airGapped,
    ));

  it('nor one that only ends like a domain of ours', () => {
    const set = [
      'global.tracing.collectorUrl=https://a.evilcorp.example',
      'networkPolicy.internalDomains={corp.example}',
    ];
    expect(refusal({ ...airGapped, set })).toContain('a.evilcorp.example');
  });

  it('and is taken where the network is open', () => {
    const set = ['global.tracing.collectorUrl=https://traces.vendor.example/v1'];
    expect(refusal({ files: ['production'], set })).toBeUndefined();
  });
});
