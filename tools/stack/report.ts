import { productName } from '@app/protocol';
import { firstSentence, type FirstSentence } from './first-sentence';
import { checkInLine, checkInSince, type LicenseEndpointAddress } from './license-endpoint';
import type { StackPlan } from './plan';

/** The license app checks in when it starts. */
const checkInTimeoutMs = 10_000;

const ms = (value: number): string => `${value.toFixed(0)} ms`;

/** What was said and heard, with the measured times. */
export function sayFirstSentence(spoken: FirstSentence): void {
  console.log(`
  said    "${firstSentence}"
          ${spoken.audioSeconds.toFixed(1)} s of audio in ${ms(spoken.speakMs)}, the first of it after ${ms(spoken.firstAudioMs)}
          ${spoken.wavFile}
  heard   "${spoken.transcript}"
          transcribed in ${ms(spoken.transcribeMs)}
`);
}

/** Addresses, key and commands to try. */
export function sayAddresses(
  { api, license, licenseEndpoint, nats, natsMonitoring, prometheus, metrics }: StackPlan['addresses'],
  apiKey: string,
  dataFolder: string,
): void {
  const rows: [string, string][] = [
    [`${productName} API`, api],
    ['API key', apiKey],
    ['license', `${license}/status`],
    ...(licenseEndpoint ? ([['licence endpoint', licenseEndpoint.url]] as [string, string][]) : []),
    ['NATS', `${nats}  (monitoring ${natsMonitoring})`],
    ...Object.entries(metrics).map(([part, url]): [string, string] => [`metrics of ${part}`, url]),
    ...(prometheus === undefined ? [] : ([['Prometheus', prometheus]] as [string, string][])),
    ['logs', `${dataFolder}/logs`],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  for (const [name, value] of rows) console.log(`  ${name.padEnd(width)}  ${value}`);
  console.log(`
  speak        curl -s ${api}/tts/bytes -H 'X-API-Key: ${apiKey}' -o hello.wav -d \\
                 '{"model_id":"sonic-3","transcript":"Hello there.","voice":"joe","output_format":{"container":"wav","encoding":"pcm_s16le","sample_rate":22050}}'
  transcribe   curl -s ${api}/stt -H 'X-API-Key: ${apiKey}' -F model=ink-whisper -F file=@hello.wav
  API keys     npm run license -- key --help
`);
}

/** The check-in of connected mode. */
export async function sayCheckIn(endpoint: LicenseEndpointAddress, sinceMs: number): Promise<void> {
  const checkIn = await checkInSince(endpoint, sinceMs, checkInTimeoutMs);
  console.log(`  check-in     ${checkIn ? checkInLine(checkIn) : 'none yet: see the log of the license app'}`);
  console.log(`  its records  ${endpoint.folder}\n`);
}
