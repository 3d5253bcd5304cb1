import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { errorLine } from './error-line';
import { auditCommand, auditHelp } from './license/audit';
import { developmentFiles, ensureDevelopmentLicense } from './license/development-license';
import { inspectCommand } from './license/inspect';
import { installCommand } from './license/install';
import { issueCommand } from './license/issue';
import { keyCommand } from './license/key-command';
import { licenseAppHelp } from './license/license-api';
import { issuerFiles, keysCommand } from './license/keys';
import { rehearseCommand } from './license/rehearse';
import { usageCommand, usageHelp } from './license/usage';
import { revokeCommand } from './license/vendor/revoke';
import { serveCommand, serveHelp } from './license/vendor/serve';

const help = `npm run license -- keys [--folder FOLDER]        make the keys of an issuer
npm run license -- issue --key FILE --holder NAME [OPTIONS]   sign a licence
npm run license -- inspect FILE                 verify a licence; print its content and state
npm run license -- rehearse FILE --as-of DATE   print every transition up to a date and what clients get
npm run license -- install FILE                 install a licence at all replicas of a running license app
npm run license -- init-dev [--folder FOLDER]   issue a licence and an API key for this machine
npm run license -- key COMMAND                  create, list, rotate and revoke API keys (key --help)

keys
  --folder FOLDER      folder of the two PEM files; existing keys are kept (default: the current folder)

issue
  --key FILE           private key of the issuer
  --holder NAME        to whom the licence is issued
  --out FILE           file to write (default: print the document)
  --id ID              id of the licence (default: random)
  --days DAYS          days from its beginning to its expiry (default: 365)
  --expires DATE       expiry, instead of --days
  --not-before DATE    beginning (default: now)
  --deployment NAME    the one deployment that may use it (default: any)
  --features LIST      features, separated by commas (default: all)
  --models LIST        models, separated by commas (default: all)
  --max-concurrent, --monthly-characters, --monthly-audio-seconds NUMBER   limits (default: none)
  --grace-expiry-days, --grace-lost-contact-days, --grace-proxy-unreachable-seconds NUMBER
                       length of each grace period (default: 14 days, 14 days, 900 seconds)

inspect, rehearse
  --keys FILE          public keys of trusted issuers, PEM (default: ${issuerFiles.publicKey} beside the licence file)
  --deployment NAME    refuse a licence of another deployment
  --last-lease-ends DATE   rehearse: connected mode whose last lease ends on this date (default: air-gapped mode)

install
  ${licenseAppHelp.replaceAll('\n', '\n  ')}

init-dev
  --folder FOLDER      folder of the development licence; files that are still valid are kept
                       (default: .antiphon/license in the repository)

${auditHelp}

${usageHelp}

${serveHelp}

A DATE is 2027-01-31 or 2027-01-31T12:00:00Z. docs/licensing.md describes documents and states,
docs/licensing-audit.md the usage records and the audit log, docs/licensing-endpoint.md the licence endpoint.`;

type Command = (args: readonly string[], root: string) => Promise<number>;

const commands = new Map<string, Command>([
  ['keys', keysCommand],
  ['issue', issueCommand],
  ['inspect', inspectCommand],
  ['rehearse', rehearseCommand],
  ['install', installCommand],
  ['init-dev', initialise],
  ['key', keyCommand],
  ['audit', auditCommand],
  ['usage', usageCommand],
  ['serve', serveCommand],
  ['revoke', revokeCommand],
]);

/** `npm run license`: see `help`. Resolves to the exit code. */
export async function main(args: readonly string[], root: string): Promise<number> {
  const [name, ...rest] = args;
  const command = commands.get(name ?? '');
  // `key` has a help of its own.
  if (name === undefined || (args.includes('--help') && command !== keyCommand)) {
    console.log(help);
    return name === undefined ? 1 : 0;
  }
  if (!command) {
    console.error(`Unknown command: ${name}\n\n${help}`);
    return 1;
  }
  try {
    return await command(rest, root);
  } catch (error) {
    console.error(errorLine(error));
    return 1;
  }
}

async function initialise(args: readonly string[], root: string): Promise<number> {
  const { values } = parseArgs({ args: [...args], options: { folder: { type: 'string' } } });
  const folder = resolve(root, values.folder ?? '.antiphon/license');
  const { created, licenseFile, publicKeyFile, keysFile } = await ensureDevelopmentLicense(folder);
  console.log(
    created ? `Issued a development licence: ${licenseFile}` : `Kept the licence that is there: ${licenseFile}`,
  );
  console.log(`Trusted public key: ${publicKeyFile}`);
  console.log(`API keys for the license app: ${keysFile}`);
  console.log(`The API key itself: ${join(folder, developmentFiles.apiKey)}`);
  console.log(`The admin key, which creates other keys: ${join(folder, developmentFiles.adminKey)}`);
  return 0;
}
