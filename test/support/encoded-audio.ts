import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Resampler } from '@app/speech/audio';

const rateHz = 48_000;

/**
 * The same recording in every format that `POST /stt` takes, by the name of its file. Those named `stereo` have the
 * inverse of their left channel as their right one. `longSeconds`: the length of `long.m4a`, which repeats it.
 */
export async function encodedAudio(
  samples: Float32Array,
  sampleRateHz: number,
  longSeconds = 0,
): Promise<Map<string, Buffer>> {
  const resampler = new Resampler(sampleRateHz, rateHz);
  const left = Float32Array.from([...resampler.push(samples), ...resampler.flush()]);
  const stereo = Float32Array.from({ length: 2 * left.length }, (_, at) => (at % 2 ? -1 : 1) * (left[at >> 1] ?? 0));
  const folder = mkdtempSync(join(tmpdir(), 'encoded-audio-'));
  try {
    writeFileSync(join(folder, 'stereo.f32'), new Uint8Array(stereo.buffer));
    // Not synchronously: meanwhile a server may close a connection that this process keeps.
    await promisify(execFile)(process.execPath, [join(__dirname, 'encode-audio.mjs'), folder, String(longSeconds)]);
    const names = readdirSync(folder).filter((name) => name !== 'stereo.f32');
    return new Map(names.map((name) => [name, readFileSync(join(folder, name))]));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
