import { itRefuses, itTakes } from './refusals';
import { readYaml, refusal } from './rendered';
import { textPaths, type Schema } from './text-paths';

const airGapped = { files: ['production', 'airgapped'] };
const withoutRules = ['global.networkPolicy.enabled=false'];

/** Texts that no pod of ours dials: of the node, the clients, the schedulers, and the policies, which have checks of their own. */
const notDialled =
  /^(global\.images|nats\.image|global\.models\.fetch\.image|ingress|license\.files|workers\.global|networkPolicy|global\.networkPolicy|global\.nats\.peers)\b|\.(podAnnotations|annotations|labels|nodeSelector|tolerations)\b/;

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
      [['license.endpoint=https://license.vendor.example'], ['license.endpoint', 'license.vendor.example']],
      [
        ['license.mode=connected', 'license.endpoint=https://license.vendor.example'],
        ['license.mode is connected', 'denyExternalEgress', 'license.vendor.example', 'license.httpsProxy'],
      ],
      [
        [
          'license.mode=connected',
          'license.endpoint=https://license.vendor.example',
          'license.httpsProxy=http://proxy.vendor.example:3128',
        ],
        ['license.httpsProxy', 'proxy.vendor.example', 'denyExternalEgress'],
      ],
      [['gateway.env.UPSTREAM=http://203.0.113.9'], ['gateway.env.UPSTREAM', '203.0.113.9']],
      [['inference.env.STORE=s3://store.vendor.example/voices'], ['inference.env.STORE', 'store.vendor.example']],
      [['workers.env.STORE=https://store.vendor.example/voices'], ['workers.env.STORE', 'store.vendor.example']],
      [
        ['workers.overrides.tts-piper.env.STORE=https://store.vendor.example'],
        ['workers.overrides.tts-piper.env.STORE', 'store.vendor.example'],
      ],
      [['gateway.env.X=vendor.example:443'], ['gateway.env.X', 'vendor.example']],
      [['gateway.env.X=203.0.113.9'], ['gateway.env.X', '203.0.113.9']],
      [['gateway.env.X=[2001:db8::1]:443'], ['gateway.env.X', '2001:db8::1']],
      [['gateway.env.X=HTTPS://Vendor.Example/'], ['gateway.env.X', 'vendor.example']],
      [['gateway.env.X=http://10.0.0.1/?to=https://vendor.example'], ['gateway.env.X', 'vendor.example']],
      [['gateway.env.X=url: "https://vendor.example"'], ['gateway.env.X', 'vendor.example']],
      [['gateway.env.X=a@vendor.example:22'], ['gateway.env.X', 'vendor.example']],
      [['gateway.env.STORE_HOST=vendor.example'], ['gateway.env.STORE_HOST', 'vendor.example']],
      [['gateway.env.PROXY=a@vendor.example/path'], ['gateway.env.PROXY', 'vendor.example']],
      [['gateway.env.HTTPS_PROXY=proxy.vendor.example'], ['gateway.env.HTTPS_PROXY', 'proxy.vendor.example']],
      [
        ['global.tracing.collectorUrl=http://vendor.com'],
        ['global.tracing.collectorUrl', 'vendor.com', 'NAME.NAMESPACE.svc'],
      ],
      [['global.tracing.collectorUrl=http://vendor.com.:4318'], ['global.tracing.collectorUrl', 'vendor.com']],
      [['global.tracing.collectorUrl=http://0xcb007109:4318'], ['global.tracing.collectorUrl', '0xcb007109']],
      [
        [
          'global.nats.url=nats://bus.messaging.svc:4222',
          'global.nats.monitoringEndpoint=bus.vendor.example:8222',
          ...withoutRules,
        ],
        ['global.nats.monitoringEndpoint', 'bus.vendor.example'],
      ],
      [
        ['workers.autoscaling.load.prometheusAddress=https://prometheus.vendor.example'],
        ['workers.autoscaling.load.prometheusAddress', 'prometheus.vendor.example'],
      ],
      [
        [
          'global.models.source=fetch',
          'global.models.fetch.image=registry.example.com/fetch:1',
          'global.models.fetch.args={--from=https://models.vendor.example/piper,--to=/models}',
        ],
        ['global.models.fetch.args', 'models.vendor.example'],
      ],
    ],
    airGapped,
  );

  describe('but not one inside', () =>
    itTakes(
      [
        ['global.tracing.collectorUrl=http://collector.monitoring.svc.cluster.local:4318'],
        ['global.tracing.collectorUrl=http://collector.monitoring.svc:4318'],
        ['global.tracing.collectorUrl=http://collector.monitoring.svc.cluster.local.:4318'],
        ['global.tracing.collectorUrl=http://collector:4318'],
        ['global.tracing.collectorUrl=http://10.20.30.40:4318'],
        ['global.tracing.collectorUrl=http://172.16.0.1:4318'],
        ['global.tracing.collectorUrl=https://traces.corp.example', 'networkPolicy.internalDomains={corp.example}'],
        ['gateway.env.SERVED=voice-1\\,voice-2'],
        ['gateway.env.HOST=0.0.0.0', 'gateway.env.STORE_HOST=store', 'gateway.env.CACHE=cache.speech.svc:6379'],
        ['gateway.env.MODEL=/models/piper/voice.onnx', 'gateway.env.VERSION=1.2.3', 'gateway.env.AT=10:30:00'],
        ['global.tracing.collectorUrl=http://collector:4318/v1/traces.json', 'gateway.env.BASE_URL=/v1/voices.json'],
        ['gateway.env.NO_PROXY=.vendor.example\\,10.0.0.0/8'],
        ['gateway.podAnnotations.docs=https://docs.vendor.example'],
        ['workers.nodeSelector.kubernetes\\.io/hostname=gpu-1.vendor.example'],
        ['gateway.env.MAX_UPLOAD_BYTES=1000000'],
        ['license.mode=connected', 'license.endpoint=https://license.speech.svc'],
        [
          'license.mode=connected',
          'license.endpoint=https://license.vendor.example',
          'license.httpsProxy=http://10.0.0.8:3128',
        ],
        peers('10.1.0.0/16'),
      ],
      airGapped,
    ));

  describe('wherever the schemas let one be written', () => {
    // The last two are of the forms that the schemas want of a NATS and of HOST:PORT.
    const addresses = ['https://a.vendor.example:443', 'nats://a.vendor.example:443', 'a.vendor.example:443'];
    const takesAny = (pattern: string): boolean => addresses.some((each) => new RegExp(pattern).test(each));
    const otherNats = [
      'global.nats.url=nats://bus.messaging.svc:4222',
      'global.nats.monitoringEndpoint=bus.messaging.svc:8222',
    ];
    const places = [
      ...textPaths(readYaml('knative/values.schema.json') as Schema, takesAny),
      ...textPaths(readYaml('keda/values.schema.json') as Schema, takesAny).map((path) => `workers.${path}`),
    ].filter((path) => !notDialled.test(path));

    it('which are several', () => expect(places.length).toBeGreaterThan(10));

    it.each(places)('%s', (path) => {
      const said = addresses.map((each) =>
        refusal({ ...airGapped, set: [...withoutRules, ...otherNats, `${path}=${each}`] }),
      );
      expect(said).not.toContain(undefined);
      expect(said.join('\n')).toContain(`${path} names a.vendor.example, which is outside the cluster`);
    });
  });

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
