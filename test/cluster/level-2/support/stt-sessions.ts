import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { encodePcm, wavFile } from '@app/speech/audio';
import { transcribeStream, type SttRun } from '../../../../tools/client/stt-client';
import type { Target } from '../../../../tools/client/tts-client';
import WebSocket from 'ws';
import type { Recording } from './recording';

/** A server that stops says so with it. */
export const restartCode = 1012;

/**
 * Streams a recording at the pace of speech; when a server says that it stops, the rest goes to the next one, from the last word
 * that was final. Answers with what each of them heard.
 */
export async function transcribeOnward(targets: readonly Target[], recording: Recording): Promise<SttRun[]> {
  const runs: SttRun[] = [];
  let rest = recording.samples;
  for (const target of targets) {
    const run = await transcribeStream(target, rest, recording.sampleRateHz);
    runs.push(run);
    if (run.closeCode !== restartCode) return runs;
    rest = rest.subarray(Math.round(lastFinalSecond(run) * recording.sampleRateHz));
  }
  return runs;
}

/** Where the last final word ended, in seconds of the stream. */
function lastFinalSecond({ events }: SttRun): number {
  const finals = events.flatMap(({ event }) => (event.is_final === true ? (event.words ?? []) : []));
  return finals.at(-1)?.end ?? 0;
}

/** An upload that takes its time: `POST /stt` with a WAV file, over `seconds`. */
export async function uploadSlowly(
  { api, apiKey }: Target,
  { samples, sampleRateHz }: Recording,
  seconds: number,
): Promise<{ status: number; text: string }> {
  const boundary = 'end-of-part';
  const head =
    `--${boundary}\r\ncontent-disposition: form-data; name="model"\r\n\r\nink-whisper\r\n` +
    `--${boundary}\r\ncontent-disposition: form-data; name="file"; filename="a.wav"\r\ncontent-type: audio/wav\r\n\r\n`;
  const wav = wavFile(samples, { encoding: 'pcm_s16le', sampleRateHz });
  const form = Buffer.concat([Buffer.from(head), wav, Buffer.from(`\r\n--${boundary}--\r\n`)]);
  const response = await fetch(`${api}/stt`, {
    method: 'POST',
    headers: { 'X-API-Key': apiKey, 'content-type': `multipart/form-data; boundary=${boundary}` },
    body: inPieces(form, seconds),
    duplex: 'half',
  });
  const answer = await response.text();
  return { status: response.status, text: response.ok ? (JSON.parse(answer) as { text: string }).text : answer };
}

/** One piece each second. */
async function* inPieces(whole: Buffer, seconds: number): AsyncGenerator<Buffer> {
  const pieceBytes = Math.ceil(whole.length / seconds);
  for (let at = 0; at < whole.length; at += pieceBytes) {
    yield whole.subarray(at, at + pieceBytes);
    await delay(1_000);
  }
}

/** A stream that has said something and stays open until it is released. */
export class HeldStream {
  private constructor(
    private readonly socket: WebSocket,
    private readonly closed: Promise<[number]>,
  ) {}

  static async open({ api, apiKey }: Target, { samples, sampleRateHz }: Recording): Promise<HeldStream> {
    const query = new URLSearchParams({
      model: 'ink-whisper',
      encoding: 'pcm_s16le',
      sample_rate: String(sampleRateHz),
    });
    const socket = new WebSocket(`${api.replace(/^http/, 'ws')}/stt/websocket?${query.toString()}`, {
      headers: { 'X-API-Key': apiKey },
    });
    const closed = once(socket, 'close') as Promise<[number]>;
    await once(socket, 'open');
    socket.send(encodePcm(samples.subarray(0, sampleRateHz), 'pcm_s16le'));
    return new HeldStream(socket, closed);
  }

  /** Says that there is no more; resolves to the code with which the server closed. */
  async release(): Promise<number> {
    this.socket.send('close');
    return (await this.closed)[0];
  }
}
