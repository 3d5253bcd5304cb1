import { parseArgs } from 'node:util';
import { errorLine } from '../error-line';
import { caller, licenseAppHelp, licenseAppOptions, wrong, type Call } from './license-api';
import { createdText, listText, revokedText, rotatedText, type KeyView, type NewKeyView } from './key-texts';

const help = `npm run license -- key create ID [LIMITS]           create an API key and print it once
npm run license -- key list                         list all API keys
npm run license -- key rotate ID [--overlap TIME]   give the key ID a new key and print it once
npm run license -- key revoke ID                    end a key at once and for ever

Limits of a new key; what is not given is not limited:
  --scopes LIST               scopes, separated by commas: tts, stt, speech-activity, catalogue, admin
                              (default: everything that the licence has, without admin)
  --max-concurrent N          contexts and STT streams at once
  --monthly-characters N      characters of text to speak per calendar month (UTC)
  --monthly-audio-seconds N   seconds of audio to recognise per calendar month (UTC)
  --expires DATE              last moment, for example 2027-01-31 or 2027-01-31T12:00:00Z

  --overlap TIME              how long the old key stays valid: a number with s, m, h or d, at most 30d (default: 24h)
  --json                      print the answer of the API

${licenseAppHelp}
  --help                      print this text`;

const options = {
  scopes: { type: 'string' },
  'max-concurrent': { type: 'string' },
  'monthly-characters': { type: 'string' },
  'monthly-audio-seconds': { type: 'string' },
  expires: { type: 'string' },
  overlap: { type: 'string' },
  json: { type: 'boolean' },
  ...licenseAppOptions,
  help: { type: 'boolean', short: 'h' },
} as const;

type Values = ReturnType<typeof parseArgs<{ options: typeof options; allowPositionals: true }>>['values'];

/** `npm run license -- key`: see `help`. Resolves to the exit code. */
export async function keyCommand(args: readonly string[], root: string): Promise<number> {
  try {
    const { values, positionals } = parseArgs({ args: [...args], allowPositionals: true, options });
    const [command, id] = positionals;
    if (values.help || command === undefined) {
      console.log(help);
      return values.help ? 0 : 1;
    }
    const call = caller(values, root);
    const [answer, text] = await run(command, id, values, call);
    console.log(values.json ? JSON.stringify(answer, null, 2) : text);
    return 0;
  } catch (error) {
    console.error(errorLine(error));
    return 1;
  }
}

/** The answer of the API, and the same as text. */
async function run(command: string, id: string | undefined, values: Values, call: Call): Promise<[unknown, string]> {
  if (command === 'list') {
    const list = (await call('GET', 'keys')) as { keys: KeyView[] };
    return [list, listText(list.keys)];
  }
  if (!['create', 'rotate', 'revoke'].includes(command)) throw wrong(`Unknown command: key ${command}`);
  if (id === undefined) throw wrong(`key ${command} needs the id of a key`);
  const path = `keys/${encodeURIComponent(id)}`;
  if (command === 'create') {
    const created = (await call('POST', 'keys', settings(id, values))) as NewKeyView;
    return [created, createdText(created)];
  }
  if (command === 'rotate') {
    const overlapSeconds = secondsOf(values.overlap ?? '24h');
    const rotated = (await call('POST', `${path}/rotate`, { overlapSeconds })) as NewKeyView;
    return [rotated, rotatedText(rotated)];
  }
  const revoked = (await call('POST', `${path}/revoke`)) as KeyView;
  return [revoked, revokedText(revoked)];
}

const settings = (id: string, values: Values): object => ({
  id,
  scopes: values.scopes?.split(',').map((scope) => scope.trim()),
  maxConcurrent: whole('max-concurrent', values),
  monthlyCharacters: whole('monthly-characters', values),
  monthlyAudioSeconds: whole('monthly-audio-seconds', values),
  expiresAt: values.expires,
});

function whole(name: 'max-concurrent' | 'monthly-characters' | 'monthly-audio-seconds', values: Values) {
  const text = values[name];
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw wrong(`--${name} takes a whole number from 1 on`);
  return value;
}

const unitSeconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

function secondsOf(text: string): number {
  const [, count, unit = ''] = /^(\d+)([smhd])$/.exec(text) ?? [];
  if (count === undefined) throw wrong('--overlap takes a number with s, m, h or d: 24h for example');
  return Number(count) * (unitSeconds[unit] ?? 1);
}
