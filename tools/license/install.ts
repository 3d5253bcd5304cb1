import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { caller, licenseAppOptions, wrong } from './license-api';

/** The answer of `POST /license`, as far as it is printed. */
interface Installed {
  readonly license: { readonly id: string; readonly holder: string; readonly expires: string };
  readonly inForce: boolean;
  readonly inForceFrom?: string;
}

/** `npm run license -- install FILE`: installs a licence at all replicas of a running license app, and says from when it counts. */
export async function installCommand(args: readonly string[], root: string): Promise<number> {
  const { values, positionals } = parseArgs({ args: [...args], allowPositionals: true, options: licenseAppOptions });
  const [name, ...more] = positionals;
  if (name === undefined || more.length > 0) {
    throw wrong('Name one licence file');
  }
  const call = caller(values, root);
  const text = await readFile(resolve(root, name), 'utf8');
  const { license, inForce, inForceFrom } = (await call('POST', 'license', { license: text.trim() })) as Installed;
  console.log(`Installed the licence ${license.id} of ${license.holder}, which expires at ${license.expires}.`);
  if (inForce) console.log('It is in force.');
  else console.log(inForceFrom === undefined ? 'It will not be in force.' : `It will be in force from ${inForceFrom}.`);
  return 0;
}
