import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { developmentFiles } from '../../tools/license/development-license';
import { VendorFolder } from '../../tools/license/vendor/vendor-folder';
import { speakFirstSentence, wasUnderstood } from '../../tools/stack/first-sentence';
import type { PartSpec } from '../../tools/stack/part';
import type { StackPlan } from '../../tools/stack/plan';
import { Authority } from '../support/certificates';
import { NetworkSpace, setHere } from '../support/network-space';
import { describeInside, packetsSent } from '../support/outside';
import { RunningStack } from '../support/running-stack';
import { until } from '../support/until';

const longMs = 240_000;
const endpointMain = join(__dirname, '../../dist/tools/license/vendor/main.js');
/** Between the other parts and the license app. */
const [insideHost, licenseHost] = ['10.98.0.1', '10.98.0.2'];
/** Between the license app and the licence endpoint; of RFC 5737. */
const [callerHost, endpointHost] = ['203.0.113.1', '203.0.113.2'];
const endpointPort = 8443;

/**
 * Three networks: the license app alone in one, the licence endpoint in one, all other processes in that of this test, whose
 * way out leads nowhere and is counted.
 */
describeInside('a deployment in connected mode', () => {
  let folder: string;
  let ofLicense: NetworkSpace;
  let ofEndpoint: NetworkSpace;
  let endpoint: ChildProcess | undefined;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'antiphon-egress-'));
    ofLicense = await NetworkSpace.open();
    ofEndpoint = await NetworkSpace.open();
    ofLicense.link('inside0', undefined, 'license0');
    ofLicense.link('vendor0', ofEndpoint, 'caller0');
    ofLicense.set('inside0', `${licenseHost}/24`);
    setHere('license0', `${insideHost}/24`);
    ofLicense.set('vendor0', `${callerHost}/24`);
    ofEndpoint.set('caller0', `${endpointHost}/24`);
  });
  afterAll(async () => {
    if (endpoint?.exitCode === null) {
      const ended = once(endpoint, 'exit');
      endpoint.kill();
      await ended;
    }
    await ofLicense.close();
    await ofEndpoint.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Starts the endpoint with the key that signed the licence, and moves the license app to a network of its own. */
  const apart = (plan: StackPlan): StackPlan => {
    const { nats, license, gateway, addresses } = plan;
    const authority = Authority.create(join(folder, 'tls'), 'an authority of this test');
    const { certFile, keyFile } = authority.issue('endpoint', [`IP:${endpointHost}`]);
    const issuer = join(dirname(license.env['LICENSE_FILE'] ?? ''), developmentFiles.issuerKey);
    const serve = ['--folder', join(folder, 'vendor'), '--key', issuer, '--check-in-seconds', '60'];
    const listen = [
      '--host',
      endpointHost,
      '--port',
      String(endpointPort),
      '--tls-cert',
      certFile,
      '--tls-key',
      keyFile,
    ];
    const { command, args } = ofEndpoint.enter(process.execPath, [endpointMain, ...serve, ...listen]);
    endpoint = spawn(command, args, { stdio: 'ignore' });

    const move = (text: string): string => text.replace('127.0.0.1', licenseHost);
    const settings = {
      HOST: '0.0.0.0',
      NATS_URL: addresses.nats.replace('127.0.0.1', insideHost),
      LICENSE_MODE: 'connected',
      LICENSE_ENDPOINT: `https://${endpointHost}:${endpointPort}`,
      LICENSE_CA_FILE: authority.certFile,
    };
    const moved: PartSpec = {
      ...license,
      ...ofLicense.enter(license.command, license.args),
      env: { ...license.env, ...settings },
      readyUrl: move(license.readyUrl),
    };
    return {
      ...plan,
      nats: { ...nats, args: nats.args.map((each) => (each === '127.0.0.1' ? '0.0.0.0' : each)) },
      license: moved,
      gateway: { ...gateway, env: { ...gateway.env, LICENSE_PROXY_URL: move(addresses.license) } },
      addresses: { ...addresses, license: move(addresses.license) },
    };
  };

  it(
    'calls the licence endpoint from the license app alone: start, speech, shutdown of all apps',
    async () => {
      const before = packetsSent();
      const called = () => packetsSent(ofLicense.pid, 'vendor0');
      expect(called()).toBe(0);
      const stack = await RunningStack.start({ adapt: apart });
      try {
        const checkIns = () => new VendorFolder(join(folder, 'vendor')).checkIns();
        await until(async () => (await checkIns()).length > 0);
        expect(called()).toBeGreaterThan(0);
        const { api, apiKey } = stack.target;
        const { transcript } = await speakFirstSentence(api, apiKey, join(folder, 'speech.wav'));
        expect(wasUnderstood(transcript)).toBe(true);
      } finally {
        await stack.stop();
      }
      expect(packetsSent()).toBe(before);
    },
    longMs,
  );
});
