import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { unverifiedClaims, type License } from '@app/licensing';
import { idPattern, ProblemError } from '@app/protocol';
import { ifThere } from './durable-file';
import { VendorFolder, vendorFiles } from './vendor-folder';

/** `npm run license -- revoke ID --folder FOLDER [--undo]`: a running endpoint says so at the next check-in of the licence. */
export async function revokeCommand(args: readonly string[], root: string, nowMs = Date.now()): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { folder: { type: 'string' }, undo: { type: 'boolean', default: false } },
  });
  const [id, ...more] = positionals;
  if (id === undefined || more.length > 0 || values.folder === undefined) {
    throw wrong('Usage: npm run license -- revoke ID --folder FOLDER [--undo]');
  }
  if (!idPattern.test(id)) throw wrong(`${id} is not the id of a licence: 1 to 64 letters, digits, _ and -.`);
  const path = resolve(root, values.folder);
  if (!existsSync(path)) throw wrong(`${path} does not exist. Name the folder of the licence endpoint.`);
  const folder = new VendorFolder(path);
  if (values.undo) {
    if (!(await folder.undoRevocation(id))) throw wrong(`${id} is not revoked.`);
    console.log(`${id} is not revoked any more, from its next check-in on.`);
    return 0;
  }
  if (await folder.isRevoked(id)) {
    console.log(`${id} was revoked before.`);
    return 0;
  }
  await folder.revoke(id, new Date(nowMs).toISOString());
  console.log(`${id} is revoked, from its next check-in on.`);
  if (!(await isKnown(id, folder)))
    console.log('No licence with this id has checked in. Check the id for typing errors.');
  return 0;
}

/** Whether a licence with this id has checked in or waits to be offered. */
async function isKnown(id: string, folder: VendorFolder): Promise<boolean> {
  const checkIns = await folder.checkIns();
  if (checkIns.some(({ license }) => license === id)) return true;
  const licenses = join(folder.path, vendorFiles.licenses);
  const names = ((await ifThere(readdir(licenses))) ?? []).filter((name) => name.endsWith('.jwt'));
  const texts = await Promise.all(names.map((name) => readFile(join(licenses, name), 'utf8')));
  return texts.some((text) => unverifiedClaims<License>(text).jti === id);
}

const wrong = (detail: string): ProblemError => new ProblemError('bad_request', { detail });
