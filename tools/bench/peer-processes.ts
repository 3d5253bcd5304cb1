import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { WavReader } from '@app/speech/audio';
import type { Arrival } from './playback';
import type { PeerEnvironment } from './python';
import type { Speaker } from './tts-load';

const startTimeoutMs = 60_000;
const pollMs = 100;

/** Starts Piper's own HTTP server with our default voice, as its documentation does. */
export async function startPiper(
  environment: PeerEnvironment,
  modelFolder: string,
  port: number,
): Promise<Speaker & { pid: number }> {
  const voice = join(modelFolder, 'en_US-joe-medium.onnx');
  const args = ['-m', 'piper.http_server', '-m', voice, '--host', '127.0.0.1', '--port', String(port)];
  const child = spawn(environment.python, args, { stdio: 'ignore' });
  const url = `http://127.0.0.1:${port}`;
  await answering(`${url}/voices`, child);
  return {
    name: 'piper-tts',
    sampleRateHz: 22_050,
    pid: child.pid ?? 0,
    speak: (text) => speakOverHttp(url, text),
    close: () => child.kill(),
  };
}

/** Every piece of the response, with its time of arrival. */
async function speakOverHttp(url: string, text: string): Promise<Arrival[]> {
  const response = await fetch(`${url}/synthesize`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ text }),
  });
  if (!response.ok || !response.body) throw new Error(`piper answered with ${response.status}`);
  const reader = new WavReader();
  const arrivals: Arrival[] = [];
  for await (const piece of response.body)
    arrivals.push({ atMs: performance.now(), samples: reader.push(piece as Uint8Array) });
  return arrivals;
}

async function answering(url: string, child: ChildProcess): Promise<void> {
  const until = performance.now() + startTimeoutMs;
  while (performance.now() < until && child.exitCode === null) {
    const response = await fetch(url).catch(() => undefined);
    await response?.body?.cancel();
    if (response) return;
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
  throw new Error('a peer did not start');
}

/** A transcript, and the time that it took. */
export interface Heard {
  readonly text: string;
  readonly ms: number;
}

/**
 * faster-whisper with our default weights, int8, beam 1, in its own process. Its time is measured there, without any
 * transport.
 */
export class FasterWhisper {
  private readonly answers: AsyncIterator<string>;

  private constructor(private readonly child: ChildProcess) {
    if (!child.stdout) throw new Error('faster-whisper has no output');
    this.answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  static async start(
    environment: PeerEnvironment,
    script: string,
    modelFolder: string,
    threads: number,
  ): Promise<FasterWhisper> {
    const child = spawn(environment.python, [script, modelFolder, String(threads)], {
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    const peer = new FasterWhisper(child);
    await peer.answer();
    return peer;
  }

  async transcribe(file: string): Promise<Heard> {
    this.child.stdin?.write(JSON.stringify({ file }) + '\n');
    return (await this.answer()) as Heard;
  }

  close(): void {
    this.child.kill();
  }

  private async answer(): Promise<unknown> {
    const line = await this.answers.next();
    if (line.done) throw new Error('faster-whisper ended');
    return JSON.parse(line.value);
  }
}
