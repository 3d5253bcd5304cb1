import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { auditRecord, checkpointRecord } from '@app/licensing';
import { now, signed, TestEndpoint } from '../../../test/support/license-endpoint';
import { main } from '../../license';
import { holderFolder } from './vendor-folder';

let endpoint: TestEndpoint;
beforeEach(async () => {
  endpoint = await TestEndpoint.start();
});
afterEach(() => endpoint.stop());

describe('telemetry', () => {
  const row = { model: 'piper', kind: 'tts', requests: 2, characters: 24, audioSamples: 44_100, sampleRateHz: 22_050 };
  const send = async (change: object): Promise<number> =>
    (await endpoint.post('/v1/telemetry', await endpoint.caller({ month: '2026-11', rows: [row], ...change }))).status;

  it('replaces an earlier report on the same month', async () => {
    expect(await send({})).toBe(204);
    expect(await send({ rows: [{ ...row, requests: 3 }] })).toBe(204);
    expect(await send({ month: '2026-10', rows: [] })).toBe(204);
    expect(JSON.parse(endpoint.stored('telemetry', '2026-11.json'))).toEqual({
      license: 'lic-1',
      receivedAt: now,
      month: '2026-11',
      rows: [{ ...row, requests: 3 }],
    });
    expect(JSON.parse(endpoint.stored('telemetry', '2026-10.json'))).toMatchObject({ rows: [] });
  });

  it('of a renewed licence replaces that of the licence before', async () => {
    await send({});
    expect(await send({ license: await signed({ jti: 'lic-2' }) })).toBe(204);
    expect(JSON.parse(endpoint.stored('telemetry', '2026-11.json'))).toMatchObject({ license: 'lic-2' });
  });

  it('of a new month is taken from a clock that is ahead by less than a day', async () => {
    endpoint.nowMs = Date.parse('2026-11-30T00:00:00Z');
    expect(await send({ month: '2026-12' })).toBe(204);
  });

  it.each([
    { month: '2026-12' },
    { month: '2023-10' },
    { month: '2026-13' },
    { month: '../../2026-11' },
    { rows: {} },
    { rows: [{ ...row, requests: -1 }] },
    { rows: [{ ...row, sampleRateHz: 0 }] },
    { rows: ['row'] },
    { license: 5 },
    { protocol: 2 },
    { at: 'yesterday' },
  ])('is refused with %j', async (change) => {
    expect(await send(change)).toBe(400);
    expect(endpoint.hasStored()).toBe(false);
  });
});

describe('the audit log', () => {
  const first = Buffer.from(auditRecord(undefined, { at: now, type: 'key_created', facts: { keyId: 'alice' } }));
  const second = Buffer.from(auditRecord(first, { at: now, type: 'key_created', facts: { keyId: 'bob' } }));
  const forward = async (records: readonly Buffer[], change: object = {}) =>
    endpoint.post('/v1/audit', await endpoint.caller({ records: records.map(String), ...change }));

  it('is stored as it was sent, and goes on under a renewed licence', async () => {
    expect(await forward([first])).toEqual({ status: 200, body: { acknowledged: 1 } });
    const renewed = { license: await signed({ jti: 'lic-2' }) };
    expect(await forward([second], renewed)).toEqual({ status: 200, body: { acknowledged: 2 } });
    expect(endpoint.stored('audit.jsonl')).toBe(`${String(first)}\n${String(second)}\n`);
  });

  it('is stored once where many requests bring the same at a time', async () => {
    const answers = await Promise.all(Array.from({ length: 10 }, () => forward([first, second])));
    expect(answers.every(({ body }) => body.acknowledged === 2)).toBe(true);
    expect(endpoint.stored('audit.jsonl')).toBe(`${String(first)}\n${String(second)}\n`);
  });

  it('of deployments is kept apart', async () => {
    const any = { license: await signed({ deployment: undefined as never }) };
    for (const deployment of ['a', 'b', undefined]) {
      expect((await forward([first], { ...any, deployment })).body).toEqual({ acknowledged: 1 });
    }
    expect(readdirSync(join(endpoint.folder, 'holders', holderFolder('Example Ltd'))).sort()).toEqual([
      '@unnamed',
      'a',
      'b',
    ]);
  });

  it('with other bytes is refused with 409', async () => {
    await forward([first, second]);
    const other = Buffer.from(auditRecord(first, { at: now, type: 'other' }));
    expect(await forward([other])).toMatchObject({ status: 409, body: { error_code: 'audit_conflict' } });
  });

  it('is verified by npm run license -- audit verify', async () => {
    const deployment = generateKeyPairSync('ed25519').privateKey;
    const key = join(endpoint.folder, 'audit-public.pem');
    writeFileSync(key, createPublicKey(deployment).export({ type: 'spki', format: 'pem' }));
    const options = { first, last: second, privateKey: deployment, deployment: 'prod-1', nowMs: endpoint.nowMs };
    await forward([first, second, Buffer.from((await checkpointRecord(options))!)]);
    const file = join(endpoint.folder, 'holders', holderFolder('Example Ltd'), 'prod-1', 'audit.jsonl');
    expect(await main(['audit', 'verify', file, '--key', key], endpoint.folder)).toBe(0);
    expect(endpoint.lines.at(-1)).toBe('Every record is there, in order, as it was written.');
  });
});
