import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { strToU8, zipSync } from 'fflate';
import { parseManifest, type Manifest } from '../src/manifest';

const sha256 = (data: Uint8Array): string => createHash('sha256').update(data).digest('hex');

/** Content that does not compress, the same for the same seed. */
export function noise(bytes: number, seed = 1): Uint8Array {
  let state = seed;
  return Uint8Array.from({ length: bytes }, () => (state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0) >>> 16);
}

/** Writes a wheel that pip accepts, with these members, and answers with the source that pins it. */
export function writeWheel(folder: string, name: string, members: Record<string, Uint8Array>) {
  const stem = name.replaceAll('-', '_');
  const info = `${stem}-1.0.0.dist-info`;
  const wheel = zipSync({
    ...members,
    [`${info}/METADATA`]: strToU8(`Metadata-Version: 2.1\nName: ${name}\nVersion: 1.0.0\n`),
    [`${info}/WHEEL`]: strToU8('Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n'),
    [`${info}/RECORD`]: strToU8(''),
  });
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${stem}-1.0.0-py3-none-any.whl`), wheel);
  return { type: 'wheel' as const, name, version: '1.0.0', bytes: wheel.length, sha256: sha256(wheel) };
}

export const weights = noise(700_000);
export const settings = strToU8('{"alpha": 1}');

/**
 * A manifest of one artifact, `small-voice`, whose wheels lie in `wheels`: `weights.bin` is joined from a part in each of
 * two wheels, `run` may be executed.
 */
export function writeSmallArtifact(wheels: string): Manifest {
  const first = writeWheel(wheels, 'small-one', { 'data/weights.bin.part1': weights.slice(0, 400_000) });
  const second = writeWheel(wheels, 'small-two', {
    'data/weights.bin.part2': weights.slice(400_000),
    'data/settings.json': settings,
    'data/unwanted.bin': noise(50_000, 7),
  });
  const part = (source: string, member: string) => ({ source, member });
  return parseManifest({
    format: 1,
    artifacts: [
      {
        id: 'small-voice',
        kind: 'voice',
        version: '1.0.0',
        title: 'A small voice',
        default: true,
        license: { spdx: 'CC0-1.0', note: 'Made for a test.' },
        origin: 'https://example.org/small-voice',
        builds: [
          {
            sources: [first, second],
            files: [
              {
                path: 'weights.bin',
                bytes: weights.length,
                sha256: sha256(weights),
                parts: [part('small-one', 'data/weights.bin.part1'), part('small-two', 'data/weights.bin.part2')],
              },
              {
                path: 'run',
                bytes: settings.length,
                sha256: sha256(settings),
                executable: true,
                parts: [part('small-two', 'data/settings.json')],
              },
            ],
          },
        ],
      },
    ],
  });
}
