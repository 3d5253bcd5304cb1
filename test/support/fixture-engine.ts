import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ModuleKind, ScriptTarget, transpileModule } from 'typescript';
import { profiles } from '@app/speech/batching';
import type { EngineChildSettings } from '../../apps/inference/src/engine/engine-child';

export type { FixtureResult, FixtureStep } from './fixture-engine.process';

/** Compiles the fixture engine, which needs built JavaScript to be forked. */
export function fixtureEngine(): { entry: string; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'fixture-engine-'));
  const source = readFileSync(join(__dirname, 'fixture-engine.process.ts'), 'utf8');
  const { outputText } = transpileModule(source, {
    compilerOptions: { module: ModuleKind.CommonJS, target: ScriptTarget.ES2023 },
  });
  const entry = join(folder, 'engine.cjs');
  writeFileSync(entry, outputText);
  return { entry, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** Settings of a child that runs it. */
export const fixtureSettings = (entry: string, over: Partial<EngineChildSettings> = {}): EngineChildSettings => ({
  entry,
  spec: {
    engine: 'fixture',
    models: [],
    settings: { threads: 1, precision: 'int8', executionProvider: 'cpu' },
    tuning: profiles.balanced,
  },
  stepTimeoutMs: 5_000,
  loadTimeoutMs: 10_000,
  ...over,
});
