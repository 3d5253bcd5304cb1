import { execFileSync } from 'node:child_process';
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { auditRecord, checkpointRecord, issuerKeyId, writeArchive, type ArchiveEntry } from '@app/licensing';
import { main } from '../license';

const { privateKey } = generateKeyPairSync('ed25519');
const publicPem = createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }).toString();
const at = '2026-11-29T09:30:00.000Z';

let folder: string;
let said: string[];
let files: Record<string, string>;
let tar: Buffer;
let servers: Server[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'license-export-'));
  said = [];
  servers = [];
  const say = (line: unknown): void => void said.push(String(line));
  jest.spyOn(console, 'log').mockImplementation(say);
  jest.spyOn(console, 'error').mockImplementation(say);
  const first = auditRecord(undefined, { at, type: 'started' });
  const second = auditRecord(first, { at, type: 'key_created', facts: { keyId: 'alice' } });
  const checkpoint = await checkpointRecord({ first, last: second, privateKey, nowMs: Date.parse(at) });
  const line = (bytes?: Uint8Array): string => `${Buffer.from(bytes ?? []).toString('utf8')}\n`;
  files = {
    'audit-public.pem': publicPem,
    'audit-000001.jsonl': line(first),
    'audit-000002.jsonl': line(second) + line(checkpoint),
    'usage-000001.jsonl': '{"id":"a"}\n',
  };
  tar = await archiveOf(files);
});
afterEach(() => {
  jest.restoreAllMocks();
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
  rmSync(folder, { recursive: true });
});

async function archiveOf(named: Record<string, string>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  const entries = async function* (): AsyncIterable<ArchiveEntry> {
    for (const [name, text] of Object.entries(named)) yield await Promise.resolve({ name, content: Buffer.from(text) });
  };
  for await (const chunk of writeArchive(entries(), Date.parse(at))) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function serve(answer: RequestListener): Promise<string> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
const exportTo = (url: string) =>
  main(['audit', 'export', '--out', 'x.tar', '--url', url, '--key', 'sk_admin'], folder);

describe('npm run license -- audit verify', () => {
  it('takes the tar of an export, with the keys in it, and names them', async () => {
    writeFileSync(join(folder, 'x.tar'), tar);
    expect(await main(['audit', 'verify', 'x.tar'], folder)).toBe(0);
    expect(said.join('\n')).toContain('3 records');
    expect(said.join('\n')).toContain(issuerKeyId(privateKey));
  });

  it('takes the folder of an unpacked export', async () => {
    mkdirSync(join(folder, 'x'));
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, 'x', name), text);
    expect(await main(['audit', 'verify', 'x'], folder)).toBe(0);
    rmSync(join(folder, 'x', 'audit-000001.jsonl'));
    expect(await main(['audit', 'verify', 'x'], folder)).toBe(1);
    expect(said).toContainEqual(expect.stringMatching(/^record 1: missing/));
  });

  it('takes a tar that the tar of the system made of the folder, if its files are in order', async () => {
    mkdirSync(join(folder, 'x'));
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, 'x', name), text);
    const pack = (...names: string[]) => execFileSync('tar', ['-C', folder, '-cf', join(folder, 'x.tar'), ...names]);
    pack(...Object.keys(files).map((name) => `./x/${name}`));
    expect(await main(['audit', 'verify', 'x.tar'], folder)).toBe(0);
    pack(
      ...Object.keys(files)
        .reverse()
        .map((name) => `x/${name}`),
    );
    said = [];
    expect(await main(['audit', 'verify', 'x.tar'], folder)).toBe(1);
    expect(said).toEqual([expect.stringContaining('not in order. Unpack it')]);
  });

  it('trusts a key that is given, not the one in the export', async () => {
    writeFileSync(join(folder, 'x.tar'), tar);
    const other = createPublicKey(generateKeyPairSync('ed25519').privateKey);
    writeFileSync(join(folder, 'other.pem'), other.export({ type: 'spki', format: 'pem' }));
    expect(await main(['audit', 'verify', 'x.tar', '--key', 'other.pem'], folder)).toBe(1);
  });

  it('fails in one line for a tar that was cut', async () => {
    writeFileSync(join(folder, 'x.tar'), tar.subarray(0, 1_600));
    expect(await main(['audit', 'verify', 'x.tar'], folder)).toBe(1);
    expect(said).toEqual([expect.stringContaining('damaged, or it ends too early')]);
  });
});

it('totals the usage of a month from the tar or the folder of an export', async () => {
  const record = {
    ...{ id: 'a', at, requestId: 'r', keyId: 'alice', kind: 'tts', model: 'piper' },
    ...{ characters: 12, audioSamples: 22_050, sampleRateHz: 22_050, outcome: 'done' },
  };
  const used = auditRecord(undefined, { at, type: 'usage', facts: { records: [record], usageTo: 1 } });
  const text = `${Buffer.from(used).toString('utf8')}\n`;
  mkdirSync(join(folder, 'x'));
  writeFileSync(join(folder, 'x', 'audit-000001.jsonl'), text);
  writeFileSync(join(folder, 'x.tar'), await archiveOf({ 'audit-public.pem': publicPem, 'audit-000001.jsonl': text }));
  for (const file of ['x.tar', 'x', join('x', 'audit-000001.jsonl')]) {
    expect(await main(['usage', '--month', '2026-11', '--file', file], folder)).toBe(0);
    expect(said.at(-1)).toMatch(/alice +tts +1 +12 +1\.000/);
  }
});

describe('npm run license -- audit export', () => {
  it('stores what the license app sends, for its owner alone, and the result verifies', async () => {
    let asked: unknown[] = [];
    const url = await serve((request, response) => {
      asked = [request.method, request.url, request.headers.authorization];
      response.end(tar);
    });
    expect(await exportTo(url)).toBe(0);
    expect(asked).toEqual(['GET', '/audit', 'Bearer sk_admin']);
    expect(readFileSync(join(folder, 'x.tar'))).toEqual(tar);
    expect(await main(['audit', 'verify', 'x.tar'], folder)).toBe(0);
  });

  it('leaves no file where the download breaks off or is refused', async () => {
    const url = await serve((request, response) => {
      response.writeHead(200, { 'content-length': tar.byteLength });
      response.write(tar.subarray(0, 100), () => request.socket.destroy());
    });
    expect(await exportTo(url)).toBe(1);
    const refusing = await serve((_, response) => {
      response.writeHead(403).end(JSON.stringify({ error_code: 'scope_missing', message: 'Use an admin key.' }));
    });
    expect(await exportTo(refusing)).toBe(1);
    expect(said.at(-1)).toBe('403 scope_missing: Use an admin key.');
    expect([existsSync(join(folder, 'x.tar')), readdirSync(folder)]).toEqual([false, []]);
  });
});
