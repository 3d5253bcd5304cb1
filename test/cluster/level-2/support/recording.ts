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

/** Has sentences spoken, each with a pause behind it; again from the first, until there are `seconds` of them. */
export async function record(target: Target, seconds = 0): Promise<Recording> {
  const client = await TtsClient.open(target);
  const pieces: Float32Array[] = [];
  for (const sentence of sentences) {
    const samples = samplesOfEvents(await client.speak(`record-${pieces.length}`, sentence, { seed: 5 }));
    const piece = new Float32Array(samples.length + Math.round(pauseSeconds * voiceRateHz));
    piece.set(samples);
    pieces.push(piece);
  }
  client.close();
  const said: string[] = [];
  const parts: Float32Array[] = [];
  let length = 0;
  for (let at = 0; at < pieces.length || length < seconds * voiceRateHz; at += 1) {
    const piece = pieces[at % pieces.length] ?? new Float32Array();
    said.push(sentences[at % sentences.length] ?? '');
    parts.push(piece);
    length += piece.length;
  }
  const samples = new Float32Array(length);
  let offset = 0;
  for (const part of parts) {
    samples.set(part, offset);
    offset += part.length;
  }
  return { text: said.join(' '), samples, sampleRateHz: voiceRateHz };
}
