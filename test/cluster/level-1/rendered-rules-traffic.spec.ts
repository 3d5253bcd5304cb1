import { mayReach, type Party } from './network-policy';
import { backup, outside, pod, ports } from './outside-parties';
import { deployments, named, partyOf, policiesOf, refusal, render, workloads, type Choice } from './rendered';

/** A row of the traffic table: these may dial these at these ports. */
interface Flow {
  readonly from: readonly string[];
  readonly to: readonly string[];
  readonly ports: readonly number[];
}

const apps = ['gateway', 'license', 'inference'];
const around = outside.map(({ name }) => name);

/**
 * Service-to-service traffic. Behind a Knative Service the dialled port is 80: the name leads to Knative's ingress gateway, which
 * goes to the proxy in front of the container (8012, 8013, 8112), by the activator or not.
 */
const traffic = (workers: readonly string[]): readonly Flow[] => [
  { from: ['ingress', 'activator'], to: apps, ports: [8012, 8013, 8112] },
  { from: ['activator'], to: apps, ports: [9090] },
  { from: ['gateway'], to: ['ingress'], ports: [80, 8080, 8081] },
  { from: [...apps, ...workers, 'backup'], to: ['nats'], ports: [4222] },
  { from: ['nats'], to: ['nats'], ports: [6222] },
  { from: ['keda', 'prometheus'], to: ['nats'], ports: [8222] },
  { from: ['prometheus'], to: [...apps, ...workers], ports: [8080] },
  { from: ['prometheus'], to: apps, ports: [9091] },
  // Names are resolved anywhere but by the pods of the charts, whose own ingress says no.
  { from: [...apps, ...workers, 'nats', 'backup'], to: around, ports: [53] },
];

const production = (): readonly Flow[] => [{ from: ['license'], to: ['vendor'], ports: [443] }];

const connected = (workers: readonly string[]): readonly Flow[] => [
  ...production(),
  { from: ['gateway', 'inference', ...workers], to: ['store'], ports: [443] },
];

/** What the switch leaves open besides DNS: private ranges, where all of the cluster is, and the metadata address. */
const privateRanges = (workers: readonly string[]): readonly Flow[] => [
  {
    from: [...apps, ...workers, 'nats', 'backup'],
    to: around.filter((name) => !['vendor', 'store', 'internet'].includes(name)),
    ports,
  },
];

const opened: Readonly<Record<string, typeof connected>> = { production, connected, 'air-gapped': privateRanges };

/** All flows that the policies allow from or to a pod of the charts, `FROM > TO:PORT`. */
function allowedFlows(choice: Choice): string[] {
  const manifests = render(choice);
  const policies = policiesOf(manifests);
  const pods = [backup, ...workloads(manifests).map((each, index) => partyOf(each, `10.0.1.${index + 1}`))];
  const parties = [...pods, ...outside];
  return flows(parties, parties, ports)
    .filter(({ from, to, port }) => {
      return (pods.includes(from) || pods.includes(to)) && mayReach(policies, from, to, { port });
    })
    .map(({ from, to, port }) => `${from.name} > ${to.name}:${port}`)
    .sort();
}

const flows = <T>(from: readonly T[], to: readonly T[], of: readonly number[]) =>
  from.flatMap((a) => to.flatMap((b) => of.map((port) => ({ from: a, to: b, port }))));

const flowsOf = (rows: readonly Flow[]): string[] =>
  [
    ...new Set(
      rows.flatMap((row) => flows(row.from, row.to, row.ports).map(({ from, to, port }) => `${from} > ${to}:${port}`)),
    ),
  ].sort();

describe.each(deployments)('the network policies with %s', (title, choice) => {
  it('allow the traffic of the table and nothing else', () => {
    const workers = workloads(render(choice)).flatMap(({ name }) => (name.startsWith('worker-') ? [name] : []));
    expect(allowedFlows(choice)).toEqual(flowsOf([...traffic(workers), ...(opened[title]?.(workers) ?? [])]));
  });

  it('leave pods alone that are not of the charts', () => {
    const policies = policiesOf(render(choice));
    const [neighbour] = outside.filter(({ name }) => name === 'neighbour');
    const internet = outside.find(({ name }) => name === 'internet');
    if (!neighbour || !internet) throw new Error('the parties are gone');
    expect(mayReach(policies, neighbour, internet, { port: 443 })).toBe(true);
    expect(mayReach(policies, internet, neighbour, { port: 443 })).toBe(true);
  });
});

describe('networkPolicy.denyExternalEgress', () => {
  const open = [
    '10.0.0.0',
    '10.255.255.255',
    '172.16.0.0',
    '172.31.255.255',
    '192.168.0.0',
    '192.168.255.255',
    '169.254.169.254',
  ];
  const shut = [
    '9.255.255.255',
    '11.0.0.0',
    '172.15.255.255',
    '172.32.0.0',
    '192.167.255.255',
    '192.169.0.0',
    '169.254.169.253',
    '169.254.169.255',
    '8.8.8.8',
    '203.0.113.5',
    '198.51.100.7',
  ];

  describe.each([
    ['with all policies', 'true'],
    ['alone', 'false'],
  ])('%s', (_, enabled) => {
    const set = ['networkPolicy.denyExternalEgress=true', `global.networkPolicy.enabled=${enabled}`];
    const manifests = render({ set });
    const policies = policiesOf(manifests);
    const pods = workloads(manifests).map((each, index) => partyOf(each, `10.0.1.${index + 1}`));
    const reachable = (address: string, port: number, protocol: 'TCP' | 'UDP'): string[] =>
      pods
        .filter((from) => mayReach(policies, from, { name: address, address }, { port, protocol }))
        .map(({ name }) => name);

    it.each(open)('leaves %s open at every port', (address) => {
      for (const port of [...ports, 65_535]) {
        expect(reachable(address, port, 'TCP')).toEqual(pods.map(({ name }) => name));
        expect(reachable(address, port, 'UDP')).toEqual(pods.map(({ name }) => name));
      }
    });

    it.each(shut)('blocks %s but for DNS', (address) => {
      for (const port of ports) {
        const isDns = port === 53;
        expect(reachable(address, port, 'TCP')).toEqual(isDns ? pods.map(({ name }) => name) : []);
        expect(reachable(address, port, 'UDP')).toEqual(isDns ? pods.map(({ name }) => name) : []);
      }
    });
  });

  it('is one policy, to the letter', () => {
    const policy = named(
      render({ set: ['networkPolicy.denyExternalEgress=true'] }),
      'NetworkPolicy',
      'antiphon-deny-external-egress',
    );
    expect(policy.spec).toEqual({
      podSelector: { matchLabels: { 'app.kubernetes.io/part-of': 'antiphon' } },
      policyTypes: ['Egress'],
      egress: [
        {
          ports: [
            { protocol: 'UDP', port: 53 },
            { protocol: 'TCP', port: 53 },
          ],
        },
        {
          to: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '169.254.169.254/32'].map((cidr) => ({
            ipBlock: { cidr },
          })),
        },
      ],
    });
  });

  it.each([
    'networkPolicy.licenseEndpoint.cidrs={203.0.113.0/28}',
    'networkPolicy.objectStore.cidrs={198.51.100.0/24}',
    'networkPolicy.extraEgress[0].ports[0].port=443',
  ])('is refused together with %s', (opened) => {
    expect(refusal({ set: ['networkPolicy.denyExternalEgress=true', opened] })).toContain('denyExternalEgress');
  });
});

describe('global.networkPolicy.dnsPorts', () => {
  const dns: Party = { name: 'dns', address: '203.0.113.53' };
  const openPorts = (set: readonly string[]): string[] => {
    const manifests = render({ set });
    const policies = policiesOf(manifests);
    return workloads(manifests).flatMap((each, index) =>
      [53, 5353].flatMap((port) =>
        (['UDP', 'TCP'] as const)
          .filter((protocol) => mayReach(policies, partyOf(each, `10.0.1.${index + 1}`), dns, { port, protocol }))
          .map((protocol) => `${port}/${protocol}`),
      ),
    );
  };

  it.each([
    ['all policies', []],
    ['denyExternalEgress alone', ['networkPolicy.denyExternalEgress=true', 'global.networkPolicy.enabled=false']],
  ])('lets every pod resolve names at 53 alone, or at 5353 too, where OpenShift has its DNS: with %s', (_, more) => {
    expect(new Set(openPorts(more))).toEqual(new Set(['53/UDP', '53/TCP']));
    const pods = workloads(render({ set: more })).length;
    const open = openPorts([...more, 'global.networkPolicy.dnsPorts={53,5353}']);
    expect(open).toHaveLength(4 * pods);
  });
});

it('takes the addresses of an existing NATS and of DNS', () => {
  const set = [
    'global.nats.url=nats://nats.bus.svc:4222',
    'global.nats.monitoringEndpoint=nats-headless.bus.svc:8222',
    'global.nats.peers[0].namespaceSelector.matchLabels.kubernetes\\.io/metadata\\.name=bus',
    'global.networkPolicy.dnsPeers[0].namespaceSelector.matchLabels.kubernetes\\.io/metadata\\.name=kube-system',
  ];
  const manifests = render({ set });
  const policies = policiesOf(manifests);
  const pods = workloads(manifests).map((each, index) => partyOf(each, `10.0.1.${index + 1}`));
  const bus = pod('nats', 'bus', '10.0.8.1');
  const parties = new Map(outside.map((party) => [party.name, party]));
  const reach = (to: Party | undefined, port: number): boolean[] =>
    pods.map((from) => (to ? mayReach(policies, from, to, { port }) : false));
  expect(pods.map(({ name }) => name)).not.toContain('nats');
  expect(new Set(reach(bus, 4222))).toEqual(new Set([true]));
  expect(new Set(reach(bus, 8222))).toEqual(new Set([false]));
  expect(new Set(reach(parties.get('stranger'), 4222))).toEqual(new Set([false]));
  expect(new Set(reach(parties.get('dns'), 53))).toEqual(new Set([true]));
  expect(new Set(reach(parties.get('internet'), 53))).toEqual(new Set([false]));
});
