import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { modelsFolder } from '../../tools/models';

const root = join(__dirname, '../..');

/** The folder of an artifact that was fetched before; throws with the command that fetches it. */
export function modelFolder(id: string): string {
  const folder = folderOf(id);
  if (existsSync(folder)) return folder;
  throw new Error(`${folder} does not exist. Fetch it with: npm run models -- get ${id}`);
}

/** A `describe` that needs artifacts: without them it is skipped, and its name says which and how to get them. */
export function describeWithModels(ids: readonly string[], name: string, body: () => void): void {
  const absent = ids.filter((id) => !existsSync(folderOf(id)));
  if (absent.length === 0) describe(name, body);
  else describe.skip(`${name} (skipped: npm run models -- get ${absent.join(' ')})`, body);
}

const folderOf = (id: string): string => join(modelsFolder(root), id);
