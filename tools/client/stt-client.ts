import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { encodePcm } from '@app/speech/audio';
import WebSocket from 'ws';
import type { Target } from './tts-client';

/** A server message on the STT socket. */
export interface SttEvent {
  readonly type: 'transcript' | 'flush_done' | 'done' | 'error';
  readonly text?: string;
  readonly is_final?: boolean;
  readonly words?: readonly { readonly word: string; readonly start: number; readonly end: number }[];
  readonly message?: string;
}

/** An event, its time of arrival (ms of `performance.now()`), and the amount of audio sent by then. */
export interface TimedSttEvent {
  readonly atMs: number;
  readonly sentSamples: number;
  readonly event: SttEvent;
}

/** The events of a stream, and the time at which its last sample was sent. */
export interface SttRun {
  readonly events: readonly TimedSttEvent[];
  readonly lastSampleAtMs: number;
  readonly closeCode: number;
}

const pieceSeconds = 0.1;

/**
 * Sends the samples in pieces of 100 ms, at the pace of speech or `pace` times as fast, then `close`. Resolves when the
 * server has closed the socket.
 */
export async function transcribeStream(
  target: Target,
  samples: Float32Array,
  sampleRateHz: number,
  pace = 1,
): Promise<SttRun> {
  const query = new URLSearchParams({ model: 'ink-whisper', encoding: 'pcm_s16le', sample_rate: String(sampleRateHz) });
  const url = `${target.api.replace(/^http/, 'ws')}/stt/websocket?${query.toString()}`;
  const socket = new WebSocket(url, { headers: { 'X-API-Key': target.apiKey }, perMessageDeflate: false });
  await once(socket, 'open');
  const events: TimedSttEvent[] = [];
  let sentSamples = 0;
  socket.on('message', (data: Buffer) =>
    events.push({ atMs: performance.now(), sentSamples, event: JSON.parse(data.toString('utf8')) as SttEvent }),
  );
  const closed = once(socket, 'close') as Promise<[number]>;
  const startedAt = performance.now();
  const pieceSamples = Math.round(pieceSeconds * sampleRateHz);
  while (sentSamples < samples.length && socket.readyState === WebSocket.OPEN) {
    const piece = samples.subarray(sentSamples, sentSamples + pieceSamples);
    await delay(startedAt + ((sentSamples + piece.length) / sampleRateHz / pace) * 1_000 - performance.now());
    socket.send(encodePcm(piece, 'pcm_s16le'));
    sentSamples += piece.length;
  }
  const lastSampleAtMs = performance.now();
  socket.send('close');
  const [closeCode] = await closed;
  return { events, lastSampleAtMs, closeCode };
}

/** The concatenated text of all finals. */
export const finalText = ({ events }: SttRun): string =>
  events
    .filter(({ event }) => event.type === 'transcript' && event.is_final)
    .map(({ event }) => event.text ?? '')
    .join('');

/** `POST /stt` of a whole file. */
export async function transcribeFile(
  target: Target,
  file: Uint8Array,
  query = '',
  headers: Record<string, string> = {},
): Promise<{ text: string }> {
  const form = new FormData();
  form.set('model', 'ink-whisper');
  form.set('file', new Blob([new Uint8Array(file)]), 'audio');
  const response = await fetch(`${target.api}/stt${query}`, {
    method: 'POST',
    headers: { ...headers, 'X-API-Key': target.apiKey },
    body: form,
  });
  if (!response.ok) throw new Error(`POST /stt was answered with ${response.status}: ${await response.text()}`);
  return (await response.json()) as { text: string };
}
