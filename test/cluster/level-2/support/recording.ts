import { samplesOfEvents, TtsClient, voiceRateHz, type Target } from '../../../../tools/client/tts-client';

/** Longer than the silence that ends an utterance. */
const pauseSeconds = 1.2;

/** Speech for a recogniser, and what is said in it. */
export interface Recording {
  readonly text: string;
  readonly samples: Float32Array;
  readonly sampleRateHz: number;
}

const sentences = [
  'The harbour was quiet when the last boat came in.',
  'A boy ran down to the water with a lamp in his hand.',
  'Soon the fish were carried up to the carts.',
  'The women talked of the weather and of the price of bread.',
];

/** How much is recorded. */
export interface RecordingSize {
  /** At least; each sentence is there once in any case. */
  readonly seconds?: number;
  /** A pause comes after so many sentences. */
  readonly together?: number;
}

/** Has sentences spoken, again from the first until there is enough. */
export async function record(target: Target, { seconds = 0, together = 1 }: RecordingSize = {}): Promise<Recording> {
  const client = await TtsClient.open(target);
  const pause = new Float32Array(Math.round(pauseSeconds * voiceRateHz));
  const pieces: Float32Array[] = [];
  for (const sentence of sentences) {
    pieces.push(samplesOfEvents(await client.speak(`record-${pieces.length}`, sentence, { seed: 5 })));
  }
  client.close();
  const said: string[] = [];
  const parts: Float32Array[] = [];
  let length = 0;
  for (let at = 0; at < pieces.length || length < seconds * voiceRateHz; at += 1) {
    const piece = pieces[at % pieces.length] ?? new Float32Array();
    said.push(sentences[at % sentences.length] ?? '');
    const spoken = (at + 1) % together === 0 ? [piece, pause] : [piece];
    parts.push(...spoken);
    length += spoken.reduce((sum, part) => sum + part.length, 0);
  }
  const samples = new Float32Array(length);
  let offset = 0;
  for (const part of parts) {
    samples.set(part, offset);
    offset += part.length;
  }
  return { text: said.join(' '), samples, sampleRateHz: voiceRateHz };
}
