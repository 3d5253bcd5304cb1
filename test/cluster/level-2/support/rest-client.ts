import { generation, type Target } from '../../../../tools/client/tts-client';

/** What `POST /tts/bytes` answered, and when, in ms from the request. */
export interface SpokenBytes {
  readonly status: number;
  readonly bytes: Buffer;
  readonly firstByteMs: number;
  readonly lastByteMs: number;
}

/** Speaks a text over HTTP, the same bytes every time. */
export async function speakBytes(target: Target, transcript: string, fields: object = {}): Promise<SpokenBytes> {
  const startedMs = performance.now();
  const response = await post(target, '/tts/bytes', { ...generation(), transcript, seed: 7, ...fields });
  const pieces: Buffer[] = [];
  let firstByteMs = Infinity;
  for await (const piece of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    firstByteMs = Math.min(firstByteMs, performance.now() - startedMs);
    pieces.push(Buffer.from(piece));
  }
  return {
    status: response.status,
    bytes: Buffer.concat(pieces),
    firstByteMs,
    lastByteMs: performance.now() - startedMs,
  };
}

/** Speaks a text as server-sent events; answers with their messages. */
export async function speakEvents(target: Target, transcript: string): Promise<{ type: string; data?: string }[]> {
  const response = await post(target, '/tts/sse', { ...generation(), transcript, seed: 7 });
  const text = await response.text();
  return text
    .split('\n')
    .filter((line) => line.startsWith('data: '))
    .map((line) => JSON.parse(line.slice('data: '.length)) as { type: string; data?: string });
}

/** `GET` with the key; answers with the status and the JSON. */
export async function getJson({ api, apiKey }: Target, path: string): Promise<{ status: number; body: unknown }> {
  const response = await fetch(`${api}${path}`, { headers: { 'X-API-Key': apiKey } });
  return { status: response.status, body: await response.json().catch(() => undefined) };
}

const post = ({ api, apiKey }: Target, path: string, body: object): Promise<Response> =>
  fetch(`${api}${path}`, {
    method: 'POST',
    headers: { 'X-API-Key': apiKey, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });

/** Whether two recordings are the same to the last bit. */
export const sameSamples = (one: Float32Array, other: Float32Array): boolean =>
  Buffer.from(one.buffer).equals(Buffer.from(other.buffer));
