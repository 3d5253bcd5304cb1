import { mayReach, type NetworkPolicy, type Party } from './network-policy';

const pod = (name: string, namespace: string, address: string): Party => ({
  name,
  namespace,
  address,
  labels: { app: name },
});
const web = pod('web', 'shop', '10.0.0.1');
const data = pod('data', 'shop', '10.0.0.2');
const spy = pod('spy', 'elsewhere', '10.0.1.1');
const world: Party = { name: 'world', address: '203.0.113.7' };
const port = { port: 5432 };

const policy = (spec: NetworkPolicy['spec']): NetworkPolicy => ({ metadata: { name: 'p', namespace: 'shop' }, spec });
const ofData = { matchLabels: { app: 'data' } };

describe('mayReach', () => {
  it('lets everything through where no policy selects the pods', () => {
    expect(mayReach([], spy, data, port)).toBe(true);
    expect(mayReach([policy({ podSelector: { matchLabels: { app: 'other' } }, ingress: [] })], spy, data, port)).toBe(
      true,
    );
  });

  it('denies what a policy without rules selects, in the directions it names', () => {
    const closed = policy({ podSelector: {}, policyTypes: ['Ingress', 'Egress'] });
    expect(mayReach([closed], spy, data, port)).toBe(false);
    expect(mayReach([closed], data, world, port)).toBe(false);
    expect(mayReach([policy({ podSelector: {}, policyTypes: ['Ingress'] })], data, world, port)).toBe(true);
    expect(mayReach([policy({ podSelector: {} })], data, world, port)).toBe(true);
    expect(mayReach([policy({ podSelector: {}, egress: [] })], data, world, port)).toBe(false);
  });

  it('takes a pod selector alone for pods of its own namespace', () => {
    const open = policy({ podSelector: ofData, ingress: [{ from: [{ podSelector: {} }] }] });
    expect(mayReach([open], web, data, port)).toBe(true);
    expect(mayReach([open], spy, data, port)).toBe(false);
    expect(mayReach([open], world, data, port)).toBe(false);
  });

  it('joins the two selectors of one peer, and takes any of several peers', () => {
    const elsewhere = { matchLabels: { 'kubernetes.io/metadata.name': 'elsewhere' } };
    const other = { matchLabels: { app: 'other' } };
    const joined = policy({
      podSelector: ofData,
      ingress: [{ from: [{ namespaceSelector: elsewhere, podSelector: other }] }],
    });
    const either = policy({
      podSelector: ofData,
      ingress: [{ from: [{ namespaceSelector: elsewhere }, { podSelector: other }] }],
    });
    expect(mayReach([joined], spy, data, port)).toBe(false);
    expect(mayReach([either], spy, data, port)).toBe(true);
  });

  it('needs port and protocol, ranges included', () => {
    const open = policy({
      podSelector: ofData,
      ingress: [
        {
          ports: [
            { port: 5000, endPort: 5432 },
            { protocol: 'UDP', port: 53 },
          ],
        },
      ],
    });
    expect(mayReach([open], spy, data, port)).toBe(true);
    expect(mayReach([open], spy, data, { port: 5433 })).toBe(false);
    expect(mayReach([open], spy, data, { port: 53 })).toBe(false);
    expect(mayReach([open], spy, data, { port: 53, protocol: 'UDP' })).toBe(true);
  });

  it('takes an address block without its exceptions', () => {
    const open = policy({
      podSelector: ofData,
      policyTypes: ['Egress'],
      egress: [{ to: [{ ipBlock: { cidr: '203.0.113.0/24', except: ['203.0.113.8/29'] } }] }],
    });
    expect(mayReach([open], data, world, port)).toBe(true);
    expect(mayReach([open], data, { name: 'excepted', address: '203.0.113.9' }, port)).toBe(false);
    expect(mayReach([open], data, { name: 'outside', address: '203.0.114.1' }, port)).toBe(false);
  });

  it('adds the rules of several policies up, and asks both ends', () => {
    const closed = policy({ podSelector: {}, policyTypes: ['Ingress', 'Egress'] });
    const inward = policy({ podSelector: ofData, ingress: [{ from: [{ podSelector: {} }] }] });
    const outward = policy({ podSelector: {}, policyTypes: ['Egress'], egress: [{ to: [{ podSelector: ofData }] }] });
    expect(mayReach([closed, inward], web, data, port)).toBe(false);
    expect(mayReach([closed, inward, outward], web, data, port)).toBe(true);
  });

  it('knows the operators of expressions', () => {
    const open = (operator: string, values?: string[]) =>
      policy({
        podSelector: ofData,
        ingress: [{ from: [{ podSelector: { matchExpressions: [{ key: 'app', operator, values }] } }] }],
      });
    const verdicts = [open('In', ['web']), open('NotIn', ['web']), open('Exists'), open('DoesNotExist')];
    expect(verdicts.map((each) => mayReach([each], web, data, port))).toEqual([true, false, true, false]);
  });
});
