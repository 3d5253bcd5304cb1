import { writeFileSync } from 'node:fs';
import { ProblemError } from '@app/protocol';

/** What a person hears first. */
export const firstSentence = 'It was the best of times, it was the worst of times.';

/** What speaking and transcribing it took. */
export interface FirstSentence {
  readonly wavFile: string;
  readonly audioSeconds: number;
  readonly firstAudioMs: number;
  readonly speakMs: number;
  readonly transcript: string;
  readonly transcribeMs: number;
}

const sampleRateHz = 22_050;
const wavHeaderBytes = 44;

/** Speaks the sentence over the public API into a WAV file and has the file transcribed back. */
export async function speakFirstSentence(api: string, apiKey: string, wavFile: string): Promise<FirstSentence> {
  const spoken = await speak(api, apiKey);
  writeFileSync(wavFile, spoken.wav);
  const startedAt = performance.now();
  const form = new FormData();
  form.set('model', 'ink-whisper');
  form.set('file', new Blob([new Uint8Array(spoken.wav)], { type: 'audio/wav' }), 'first-sentence.wav');
  const response = await fetch(`${api}/stt`, { method: 'POST', headers: { 'X-API-Key': apiKey }, body: form });
  const answer = (await answered(response).json()) as { text: string };
  return {
    wavFile,
    audioSeconds: (spoken.wav.length - wavHeaderBytes) / 2 / sampleRateHz,
    firstAudioMs: spoken.firstAudioMs,
    speakMs: spoken.speakMs,
    transcript: answer.text,
    transcribeMs: performance.now() - startedAt,
  };
}

async function speak(api: string, apiKey: string) {
  const startedAt = performance.now();
  const response = await fetch(`${api}/tts/bytes`, {
    method: 'POST',
    headers: { 'X-API-Key': apiKey, 'Content-Type': 'application/json' },
    body: JSON.stringify({
      model_id: 'sonic-3',
      transcript: firstSentence,
      voice: 'joe',
      output_format: { container: 'wav', encoding: 'pcm_s16le', sample_rate: sampleRateHz },
    }),
  });
  const pieces: Uint8Array[] = [];
  let firstAudioMs = 0;
  let bytes = 0;
  for await (const piece of answered(response).body ?? []) {
    pieces.push(piece as Uint8Array);
    bytes += (piece as Uint8Array).length;
    if (firstAudioMs === 0 && bytes > wavHeaderBytes) firstAudioMs = performance.now() - startedAt;
  }
  return { wav: Buffer.concat(pieces), firstAudioMs, speakMs: performance.now() - startedAt };
}

function answered(response: Response): Response {
  if (response.ok) return response;
  throw new ProblemError('internal', {
    detail: `The first request was answered with ${response.status}; see the gateway's log.`,
  });
}

/** Whether the transcript holds at least four fifths of the sentence's words, in whatever case and punctuation. */
export function wasUnderstood(transcript: string): boolean {
  const words = (text: string): string[] => text.toLowerCase().match(/[a-z]+/g) ?? [];
  const heard = words(transcript);
  const wanted = words(firstSentence);
  const found = wanted.filter((word) => {
    const at = heard.indexOf(word);
    if (at >= 0) heard.splice(at, 1);
    return at >= 0;
  });
  return found.length >= 0.8 * wanted.length;
}
