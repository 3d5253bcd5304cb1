import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { speakFirstSentence, wasUnderstood } from '../../tools/stack/first-sentence';
import { describeInside, packetsSent } from '../support/outside';
import { RunningStack } from '../support/running-stack';
import { expireIn } from '../support/short-license';
import { until } from '../support/until';

const longMs = 240_000;

/** Programs for Node, each of which sends to another machine and gets no answer. */
const sends = {
  'a UDP packet over IPv4': "require('dgram').createSocket('udp4').send('packet', 53, '198.51.100.7')",
  'a UDP packet over IPv6': "require('dgram').createSocket('udp6').send('packet', 53, '2001:db8:1::7')",
  'a TCP connection': "require('net').connect(443, '198.51.100.7')",
  'a DNS query of the system': "require('dns').lookup('antiphon.example', () => undefined)",
  'a DNS query of Node': "require('dns').resolve('antiphon.example', () => undefined)",
};

describeInside('the packet counter', () => {
  it.each(Object.entries(sends))('sees %s', async (_, program) => {
    const before = packetsSent();
    // Ends before it sends again.
    const sender = spawn(process.execPath, ['-e', program], { stdio: 'ignore' });
    await until(() => packetsSent() > before);
    sender.kill('SIGKILL');
    await once(sender, 'exit');
  });
});

describeInside('a deployment in air-gapped mode', () => {
  it(
    'sends no packet outside: start, speech, licence upload, expiry, shutdown of all apps',
    async () => {
      const before = packetsSent();
      const stack = await RunningStack.start();
      const folder = mkdtempSync(join(tmpdir(), 'antiphon-egress-'));
      try {
        const { api, apiKey } = stack.target;
        const speak = () => speakFirstSentence(api, apiKey, join(folder, 'speech.wav'));
        expect(wasUnderstood((await speak()).transcript)).toBe(true);
        await expireIn(stack, 5);
        expect((await speak()).transcript).not.toBe('');
        await until(async () => (await refusal(api, apiKey)) === 'license_expired');
        expect(packetsSent()).toBe(before);
      } finally {
        await stack.stop();
        rmSync(folder, { recursive: true, force: true });
      }
      expect(packetsSent()).toBe(before);
    },
    longMs,
  );
});

/** Code of the refusal of a request; undefined for one that is admitted. */
async function refusal(api: string, apiKey: string): Promise<unknown> {
  const response = await fetch(`${api}/voices`, { headers: { 'X-API-Key': apiKey } });
  const body = (await response.json()) as { error_code?: unknown };
  return response.status === 402 ? body.error_code : undefined;
}
