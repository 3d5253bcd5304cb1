import { buildFor, chooseArtifacts, loadManifest, parseManifest } from './manifest';

const plain = (): { artifacts: Record<string, unknown>[] } =>
  JSON.parse(JSON.stringify(loadManifest())) as { artifacts: Record<string, unknown>[] };

describe('the manifest of this version', () => {
  it('has what a start and the tests need', () => {
    const ids = loadManifest().artifacts.map(({ id }) => id);
    expect(ids).toEqual(['piper-joe', 'whisper-tiny-en', 'whisper-base', 'nats-server', 'speech-two-cities']);
  });

  it('fetches by default only what a start needs', () => {
    const byDefault = loadManifest().artifacts.filter((artifact) => artifact.default);
    expect(byDefault.map(({ id }) => id)).toEqual(['piper-joe', 'whisper-tiny-en', 'nats-server']);
  });

  it.each(['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64'])('pins a nats-server for %s', (platform) => {
    const [server] = chooseArtifacts(loadManifest(), ['nats-server']);
    const build = server && buildFor(server, platform);
    expect(build?.files).toMatchObject([{ path: 'nats-server', executable: true }]);
    expect(build?.sources).toMatchObject([{ version: server?.version }]);
  });

  it('has no build of nats-server for a platform without a wheel', () => {
    const [server] = chooseArtifacts(loadManifest(), ['nats-server']);
    expect(server && buildFor(server, 'sunos-x64')).toBeUndefined();
  });
});

describe('parseManifest', () => {
  const faulty = (change: (artifact: Record<string, unknown>) => void) => {
    const manifest = plain();
    change(manifest.artifacts[0] ?? {});
    return () => parseManifest(manifest);
  };

  it.each([
    ['a path that leaves the folder', (text: string) => text.replace('"path":"MODEL_CARD"', '"path":"../MODEL_CARD"')],
    ['a hash of the wrong length', (text: string) => text.replace(/"sha256":"./, '"sha256":"')],
    ['a size that is no whole number', (text: string) => text.replace(/"bytes":\d+/, '"bytes":1.5')],
    ['a field it does not know', (text: string) => text.replace('"license":{', '"license":{"price":1,')],
    ['a part of a source that is not listed', (text: string) => text.replace(/"source":"[^"]+"/, '"source":"other"')],
    ['two artifacts of one id', (text: string) => text.replace('"id":"whisper-base"', '"id":"piper-joe"')],
    ['another format', (text: string) => text.replace('"format":1', '"format":2')],
  ])('refuses %s', (_, damage) => {
    const text = JSON.stringify(plain());
    const damaged = damage(text);
    expect(damaged).not.toBe(text);
    expect(() => parseManifest(JSON.parse(damaged))).toThrow(/^config_invalid: Manifest: /);
  });

  it('says which field is at fault, never its value', () => {
    const parse = faulty((artifact) => (artifact.kind = 'secret-kind'));
    expect(parse).toThrow(/artifacts\.0\.kind/);
    expect(parse).not.toThrow(/secret-kind/);
  });

  it.each([[null], ['text'], [[]]])('refuses %j', (value) => {
    expect(() => parseManifest(value)).toThrow(/^config_invalid: Manifest: /);
  });
});

describe('chooseArtifacts', () => {
  it('names the known ids when one is unknown', () => {
    expect(() => chooseArtifacts(loadManifest(), ['piper-jo'])).toThrow(/"piper-jo".*piper-joe, whisper-tiny-en/);
  });
});
