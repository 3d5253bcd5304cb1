import { readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { issuerKeyId, licenseState, readPublicKeys, verifyLicense, type License } from '@app/licensing';
import { errorLine } from './error-line';
import { auditCommand, auditHelp } from './license/audit';
import { developmentFiles, ensureDevelopmentLicense } from './license/development-license';
import { usageCommand, usageHelp } from './license/usage';

const help = `npm run license -- init-dev [--folder FOLDER]   issue a licence and an API key for this machine
npm run license -- verify FILE [--keys FILE]   verify a licence file with trusted public keys
npm run license -- show FILE [--keys FILE]     verify a licence file and print its content

  --folder FOLDER  folder of the development licence; files that are still valid are kept
                   (default: .antiphon/license in the repository)
  --keys FILE      public keys of trusted issuers, in PEM format (default: ${developmentFiles.publicKey} beside the licence file)
  --help           print this text

${auditHelp}

${usageHelp}`;

/** Commands in files of their own. */
const commands = new Map([
  ['audit', auditCommand],
  ['usage', usageCommand],
]);

/** `npm run license`: see `help`. Resolves to the exit code. */
export async function main(args: readonly string[], root: string): Promise<number> {
  try {
    const [name = '', ...rest] = args;
    const own = args.includes('--help') ? undefined : commands.get(name);
    if (own) return await own(rest, root);
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { folder: { type: 'string' }, keys: { type: 'string' }, help: { type: 'boolean', default: false } },
    });
    const [command, file] = positionals;
    if (values.help || command === undefined) {
      console.log(help);
      return values.help ? 0 : 1;
    }
    if (command === 'init-dev') return await initialise(resolve(root, values.folder ?? '.antiphon/license'));
    if ((command === 'verify' || command === 'show') && file !== undefined) {
      return await inspect(file, values.keys ?? join(dirname(file), developmentFiles.publicKey), command === 'show');
    }
    console.error(`Unknown command or no file given.\n\n${help}`);
    return 1;
  } catch (error) {
    console.error(errorLine(error));
    return 1;
  }
}

async function initialise(folder: string): Promise<number> {
  const { created, licenseFile, publicKeyFile, keysFile } = await ensureDevelopmentLicense(folder);
  console.log(
    created ? `Issued a development licence: ${licenseFile}` : `Kept the licence that is there: ${licenseFile}`,
  );
  console.log(`Trusted public key: ${publicKeyFile}`);
  console.log(`API keys for the license app: ${keysFile}`);
  console.log(`The API key itself: ${join(folder, developmentFiles.apiKey)}`);
  return 0;
}

/** Exit code 0 for a licence that grants now. */
async function inspect(file: string, keysFile: string, isShown: boolean): Promise<number> {
  const keys = readPublicKeys(await readFile(keysFile, 'utf8'));
  const license = verifyLicense(JSON.parse(await readFile(file, 'utf8')), keys);
  const { standing, expiresInMs, grantsForMs } = licenseState([license], Date.now());
  if (isShown) show(license, keys.map(issuerKeyId));
  console.log(`${file}: signed by a trusted issuer, ${standing.replaceAll('_', ' ')}, ${remaining(expiresInMs)}`);
  return grantsForMs > 0 ? 0 : 1;
}

function show(
  { id, holder, features, limits, issued_at, expires_at, grace_days, key_id }: License,
  trusted: string[],
): void {
  console.log(`id          ${id}`);
  console.log(`holder      ${holder}`);
  console.log(`features    ${features.join(', ')}`);
  console.log(`limits      ${JSON.stringify(limits)}`);
  console.log(`issued      ${issued_at}`);
  console.log(`expires     ${expires_at}, grace ${grace_days} days`);
  console.log(`issuer key  ${key_id}, of ${trusted.length} trusted`);
}

function remaining(expiresInMs: number): string {
  const days = Math.floor(Math.abs(expiresInMs) / (24 * 60 * 60 * 1_000));
  return expiresInMs > 0 ? `${days} days left` : `expired ${days} days ago`;
}
