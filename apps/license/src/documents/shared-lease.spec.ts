import { MemoryKeyValue } from '@app/broker';
import { secondsOf } from '../../../../test/support/test-license';
import { Files, Issuer, Replica } from '../../test/support/replica';
import { leaseEntry } from './bucket';

const issuer = new Issuer();
const renewed = { jti: 'lic-2', iat: secondsOf('2026-05-01'), exp: secondsOf('2027-07-01') };
const newer = { jti: 'lease-2', iat: secondsOf('2026-06-01T13:00:00Z'), exp: secondsOf('2026-06-05') };
let files: Files;
let store: MemoryKeyValue;
const running: Replica[] = [];

beforeEach(async () => {
  files = new Files();
  files.write(await issuer.license({ iat: secondsOf('2026-04-01'), nbf: secondsOf('2026-04-01') }), issuer.pem);
  store = new MemoryKeyValue();
});
afterEach(async () => {
  await Promise.all(running.splice(0).map(({ documents }) => documents.stop()));
  files.remove();
});

const started = async (mode: 'connected' | 'airgapped' = 'connected'): Promise<Replica> => {
  const replica = await new Replica(store, files, '2026-06-01T12:00:00Z', mode).start();
  running.push(replica);
  return replica;
};

it('keeps contact for all replicas, and over a restart', async () => {
  const [one, other] = [await started(), await started()];
  expect(one.state).toBe('refused, lost_contact');
  const lease = await one.documents.takeLease(await issuer.lease());
  expect([lease.jti, one.state]).toEqual(['lease-1', 'active']);
  await other.documents.poll();
  expect([other.state, (await started()).state]).toEqual(['active', 'active']);
  const ends = '2026-06-03T12:00:00.000Z';
  expect(one.events).toEqual([['lease_taken', { leaseId: 'lease-1', licenseId: 'lic-1', ends }]]);
  expect(one.states).toEqual([
    ['service_state', { state: 'refused', why: 'lost_contact' }],
    ['service_state', { state: 'active' }],
  ]);
});

it('keeps the newest lease, whoever writes last', async () => {
  const [one, other] = [await started(), await started()];
  await one.documents.takeLease(await issuer.lease(newer));
  await other.documents.takeLease(await issuer.lease());
  expect(await store.get(leaseEntry)).toBe(await issuer.lease(newer));
  expect(other.standing.facts().lease?.jti).toBe('lease-2');
});

it('reports no lease that is older than the one in force', async () => {
  const replica = await started();
  await replica.documents.takeLease(await issuer.lease(newer));
  await replica.documents.takeLease(await issuer.lease());
  expect(replica.events.map(([, facts]) => facts)).toEqual([expect.objectContaining({ leaseId: 'lease-2' })]);
});

it('revokes at every replica', async () => {
  const [one, other] = [await started(), await started()];
  await one.documents.takeLease(await issuer.lease({ revoked: true }));
  await other.documents.poll();
  expect([one.state, other.state]).toEqual(['refused, revoked', 'refused, revoked']);
});

it.each<[string, () => Promise<string>, RegExp]>([
  ['of another deployment', () => issuer.lease({ ...newer, deployment: 'prod-2' }), /prod-2/],
  ['of another issuer', () => new Issuer().lease(newer), /not among the trusted/],
  ['for a licence that was never here', () => issuer.lease({ ...newer, license: 'lic-9' }), /unknown licence/],
  ['that is a licence', () => issuer.license(renewed), /type/],
])('refuses a lease %s, and the one in force stays', async (_, make, detail) => {
  const replica = await started();
  await replica.documents.takeLease(await issuer.lease());
  await expect(replica.documents.takeLease(await make())).rejects.toMatchObject({
    code: 'license_invalid',
    detail: expect.stringMatching(detail) as string,
  });
  expect([replica.standing.facts().lease?.jti, replica.state]).toEqual(['lease-1', 'active']);
});

it('ignores a lease of the bucket that is not the issuer’s, and replaces it with its own', async () => {
  const replica = await started();
  await replica.documents.takeLease(await issuer.lease());
  await store.put(leaseEntry, await new Issuer().lease(newer));
  await replica.documents.poll();
  expect(replica.said('lease of the bucket ignored')).toHaveLength(1);
  expect(await store.get(leaseEntry)).toBe(await issuer.lease());
});

it('installs the newer licence that a lease has', async () => {
  const [one, other] = [await started(), await started()];
  await one.documents.takeLease(await issuer.lease({ latestLicense: await issuer.license(renewed) }));
  await other.documents.poll();
  expect([one.licenseId, other.licenseId]).toEqual(['lic-2', 'lic-2']);
  expect(one.events.map(([type]) => type)).toEqual(['license_installed', 'lease_taken']);
});

it('takes a lease whose licence cannot be used', async () => {
  const replica = await started();
  await replica.documents.takeLease(await issuer.lease({ latestLicense: 'damaged' }));
  expect([replica.state, replica.licenseId]).toEqual(['active', 'lic-1']);
  expect(replica.said('licence of a lease not installed')).toHaveLength(1);
});

it('counts a lease while NATS is away, and writes it when NATS is back', async () => {
  const replica = await started();
  store.disconnect();
  await replica.documents.takeLease(await issuer.lease());
  expect(replica.state).toBe('active');
  store.reconnect();
  await replica.documents.poll();
  expect(await store.get(leaseEntry)).toBe(await issuer.lease());
});

it('puts its lease back where NATS was restored from an older backup', async () => {
  const replica = await started();
  await replica.documents.takeLease(await issuer.lease(newer));
  await store.put(leaseEntry, await issuer.lease());
  await replica.documents.poll();
  expect([replica.standing.facts().lease?.jti, await store.get(leaseEntry)]).toEqual([
    'lease-2',
    await issuer.lease(newer),
  ]);
});

it('forgets a lease whose key is not trusted any more', async () => {
  const next = new Issuer();
  files.write(undefined, issuer.pem + next.pem);
  const replica = await started();
  await replica.documents.takeLease(await next.lease());
  files.write(await issuer.license({ iat: secondsOf('2026-06-01'), nbf: secondsOf('2026-06-01') }), issuer.pem);
  await replica.documents.poll();
  expect([replica.standing.facts().lease, replica.state]).toEqual([undefined, 'grace, lost_contact']);
});

it('is not read in air-gapped mode', async () => {
  await (await started()).documents.takeLease(await issuer.lease({ revoked: true }));
  const offline = await started('airgapped');
  await offline.documents.poll();
  expect([offline.state, offline.standing.facts().lease]).toEqual(['active', undefined]);
  await expect(offline.documents.takeLease(await issuer.lease())).rejects.toThrow(RangeError);
});
