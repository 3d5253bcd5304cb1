import { BlockList } from 'node:net';

export type Labels = Readonly<Record<string, string>>;

/** Where a connection comes from or goes to: a pod, or an address outside the cluster. */
export interface Party {
  readonly name: string;
  readonly address: string;
  readonly labels?: Labels;
  /** Of a pod alone. */
  readonly namespace?: string;
}

export interface LabelSelector {
  readonly matchLabels?: Labels;
  readonly matchExpressions?: readonly { key: string; operator: string; values?: readonly string[] }[];
}

export interface PolicyPeer {
  readonly ipBlock?: { readonly cidr: string; readonly except?: readonly string[] };
  readonly namespaceSelector?: LabelSelector;
  readonly podSelector?: LabelSelector;
}

export interface PolicyPort {
  readonly protocol?: string;
  readonly port?: number | string;
  readonly endPort?: number;
}

interface PolicyRule {
  readonly ports?: readonly PolicyPort[];
  readonly from?: readonly PolicyPeer[];
  readonly to?: readonly PolicyPeer[];
}

export interface NetworkPolicy {
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly spec: {
    readonly podSelector: LabelSelector;
    readonly policyTypes?: readonly string[];
    readonly ingress?: readonly PolicyRule[];
    readonly egress?: readonly PolicyRule[];
  };
}

/** A port that is dialled. */
export interface Target {
  readonly port: number;
  readonly protocol?: 'TCP' | 'UDP';
}

/**
 * Whether NetworkPolicies let one party open a connection to a port of another: the sender's policies for egress and the
 * receiver's for ingress must both agree; a pod that no policy of a direction selects is free in it; rules add up. Namespaces
 * carry the label `kubernetes.io/metadata.name`. An ipBlock counts for pods too: many networks let it.
 */
export function mayReach(policies: readonly NetworkPolicy[], from: Party, to: Party, target: Target): boolean {
  return isAllowed(policies, 'Egress', from, to, target) && isAllowed(policies, 'Ingress', to, from, target);
}

type Direction = 'Ingress' | 'Egress';

/** Whether the policies of one party let it talk to the other in a direction. */
function isAllowed(
  policies: readonly NetworkPolicy[],
  direction: Direction,
  own: Party,
  other: Party,
  target: Target,
): boolean {
  const { namespace, labels } = own;
  if (namespace === undefined) return true;
  const chosen = policies.filter(
    (policy) =>
      policy.metadata.namespace === namespace &&
      typesOf(policy).includes(direction) &&
      selects(policy.spec.podSelector, labels ?? {}),
  );
  if (chosen.length === 0) return true;
  const rules = chosen.flatMap(({ spec }) => (direction === 'Ingress' ? spec.ingress : spec.egress) ?? []);
  return rules.some(({ ports, from, to }) => {
    const peers = direction === 'Ingress' ? from : to;
    return opens(ports, target) && (!peers?.length || peers.some((peer) => isPeer(peer, namespace, other)));
  });
}

const typesOf = ({ spec }: NetworkPolicy): readonly string[] =>
  spec.policyTypes ?? ['Ingress', ...(spec.egress ? ['Egress'] : [])];

const opens = (ports: readonly PolicyPort[] | undefined, target: Target): boolean =>
  !ports?.length ||
  ports.some(({ protocol = 'TCP', port, endPort }) => {
    if (typeof port === 'string') throw new Error(`a port by name is not looked up here: ${port}`);
    if (protocol !== (target.protocol ?? 'TCP')) return false;
    return port === undefined || (target.port >= port && target.port <= (endPort ?? port));
  });

function isPeer(
  { ipBlock, namespaceSelector, podSelector }: PolicyPeer,
  policyNamespace: string,
  party: Party,
): boolean {
  if (ipBlock)
    return within(ipBlock.cidr, party.address) && !ipBlock.except?.some((cidr) => within(cidr, party.address));
  if (party.namespace === undefined) return false;
  const isNamespace = namespaceSelector
    ? selects(namespaceSelector, { 'kubernetes.io/metadata.name': party.namespace })
    : party.namespace === policyNamespace;
  return isNamespace && (!podSelector || selects(podSelector, party.labels ?? {}));
}

function within(cidr: string, address: string): boolean {
  const [network = '', bits] = cidr.split('/');
  const block = new BlockList();
  block.addSubnet(network, Number(bits));
  return block.check(address);
}

/** Whether a label selector selects labels; an empty one selects everything. */
export function selects({ matchLabels = {}, matchExpressions = [] }: LabelSelector, labels: Labels): boolean {
  return (
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
    matchExpressions.every(({ key, operator, values = [] }) => {
      const value = labels[key];
      if (operator === 'Exists') return value !== undefined;
      if (operator === 'DoesNotExist') return value === undefined;
      const isIn = value !== undefined && values.includes(value);
      if (operator === 'In') return isIn;
      if (operator === 'NotIn') return !isIn;
      throw new Error(`no such operator: ${operator}`);
    })
  );
}
