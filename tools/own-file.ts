import { renameSync, writeFileSync } from 'node:fs';

/** Writes a file whole or not at all, readable by its owner alone. */
export function writeOwnFile(file: string, text: string): void {
  const partial = `${file}.${process.pid}.partial`;
  writeFileSync(partial, text, { mode: 0o600 });
  renameSync(partial, file);
}
