import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ProblemError } from '@app/protocol';
import type { Level } from './parts';

/** What is recorded of a level when all of its tests passed. */
export interface Pass {
  /** `hashInputs` of the level when it ran. */
  readonly inputs: string;
  /** How many tests passed; none was skipped. */
  readonly tests: number;
}

/** By level; one that never passed as a whole has no entry. */
export type Passes = Partial<Record<Level, Pass>>;

/** The committed record, as a path in the repository. */
export const passesFile = 'test/cluster/passed.json';

/** Reads the record; a missing file is an empty one. Throws `bad_request` for a file that is no JSON. */
export async function readPasses(root: string): Promise<Passes> {
  const text = await readFile(join(root, passesFile), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '{}';
    throw error;
  });
  try {
    return JSON.parse(text) as Passes;
  } catch (error) {
    const detail = `${passesFile} is no JSON: ${(error as Error).message}. Take either side of a merge; a level that has no entry runs.`;
    throw new ProblemError('bad_request', { detail });
  }
}

/** Puts a level's result in the record, formatted as prettier leaves it. */
export async function recordPass(root: string, level: Level, pass: Pass): Promise<void> {
  const next = `${JSON.stringify({ ...(await readPasses(root)), [level]: pass }, null, 2)}\n`;
  await writeFile(join(root, passesFile), next);
}
