import { createPrivateKey } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  defaultGrace,
  issuerKeyId,
  readPublicKeys,
  signLease,
  signLicense,
  verifyLease,
  verifyLicense,
  type Lease,
  type License,
} from '@app/licensing';
import { rehearseCommand } from '../../tools/license/rehearse';

const page = readFileSync(join(__dirname, '../../docs/licensing.md'), 'utf8');
const blocks = [...page.matchAll(/^```(?:json)?\n([\s\S]*?)\n```$/gm)].map(([, text = '']) => text);
const [privatePem = '', publicPem = '', header = '', payload = '', document = ''] = blocks;
const [leaseHeader = '', leasePayload = '', leaseDocument = '', expiry = '', contact = ''] = blocks.slice(5);
const nowMs = Date.parse('2026-05-01T00:00:00Z');
const acceptance = { keys: readPublicKeys(publicPem), nowMs, deployment: 'prod-1' };
const encoded = (text: string): string => Buffer.from(text).toString('base64url');
const minified = (text: string): string => JSON.stringify(JSON.parse(text));

describe('docs/licensing.md', () => {
  it('has a licence whose bytes are its header and its payload', () => {
    expect(document.split('.').slice(0, 2)).toEqual([encoded(minified(header)), encoded(minified(payload))]);
    expect(page).toContain(`has the id \`${issuerKeyId(acceptance.keys[0]!)}\``);
  });

  it('has the licence that its key signs, and that is read as it is written', async () => {
    const license = JSON.parse(payload) as License;
    expect(await signLicense(license, createPrivateKey(privatePem))).toBe(document);
    expect({ ...(await verifyLicense(document, acceptance)).payload }).toEqual(license);
  });

  it('has the lease that its key signs, and that is read as it is written', async () => {
    const lease = JSON.parse(leasePayload) as Lease;
    expect(leaseDocument.split('.').slice(0, 2)).toEqual([
      encoded(minified(leaseHeader)),
      encoded(minified(leasePayload)),
    ]);
    expect(await signLease(lease, createPrivateKey(privatePem))).toBe(leaseDocument);
    expect({ ...(await verifyLease(leaseDocument, acceptance)).payload }).toEqual(lease);
  });

  it('publishes the default grace periods', () => {
    const published = [...page.matchAll(/\| `grace\.(\w+)` +\| (\d+) (?:days|seconds) +\|/g)];
    expect(Object.fromEntries(published.map(([, name, length]) => [name, Number(length)]))).toEqual(defaultGrace);
  });

  it.each([
    ['an expiry', [], expiry],
    ['a lost contact', ['--last-lease-ends', '2026-05-04'], contact],
  ])('shows what the rehearsal of %s prints', async (_what, options, printed) => {
    const folder = mkdtempSync(join(tmpdir(), 'license-documents-'));
    const said: string[] = [];
    const log = jest.spyOn(console, 'log').mockImplementation((line: string) => void said.push(line));
    try {
      writeFileSync(join(folder, 'license.jwt'), document);
      writeFileSync(join(folder, 'issuer-public.pem'), publicPem);
      await rehearseCommand(['license.jwt', '--as-of', '2026-08-01', ...options], folder, nowMs);
    } finally {
      log.mockRestore();
      rmSync(folder, { recursive: true });
    }
    expect(said.join('\n')).toBe(printed);
  });
});
