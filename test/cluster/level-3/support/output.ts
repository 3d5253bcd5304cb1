import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './charts';

/** An empty folder for what a run leaves behind, logs above all; what the run before it left is gone. Says where it is. */
export function outputFolder(name: string): string {
  const folder = join(root, '.antiphon/cluster/level-3', name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  process.stdout.write(`logs of this run: ${folder}\n`);
  return folder;
}
