import { SpeechError } from '../../speech-error';
import type { Ct2Weights } from './ct2-weights';

/** The sizes of a Whisper model, read from its weights. */
export interface ModelShape {
  readonly mels: number;
  readonly width: number;
  readonly heads: number;
  readonly headWidth: number;
  readonly encoderLayers: number;
  readonly decoderLayers: number;
  /** Number of encoder positions of 20 ms: 1,500. */
  readonly audioPositions: number;
  /** Most tokens of one transcript, prompt included: 448. */
  readonly textPositions: number;
  readonly vocabulary: number;
  readonly multilingual: boolean;
}

/** English-only models have one token less than multilingual ones. */
const englishVocabulary = 51_864;

/** Reads the sizes from the weights. Throws a SpeechError if they are not those of a Whisper model. */
export async function shapeOf(weights: Ct2Weights): Promise<ModelShape> {
  const [width, mels] = pair(weights.dims('encoder/conv1/weight'));
  const [audioPositions] = pair(weights.dims('encoder/position_encodings/encodings'));
  const [textPositions] = pair(weights.dims('decoder/position_encodings/encodings'));
  const [vocabulary] = pair(weights.dims('decoder/embeddings/weight'));
  const heads = await weights.readInteger('encoder/num_heads');
  return {
    mels,
    width,
    heads,
    headWidth: width / heads,
    encoderLayers: countLayers(weights, 'encoder'),
    decoderLayers: countLayers(weights, 'decoder'),
    audioPositions,
    textPositions,
    vocabulary,
    multilingual: vocabulary > englishVocabulary,
  };
}

function countLayers(weights: Ct2Weights, part: 'encoder' | 'decoder'): number {
  let layers = 0;
  while (weights.has(`${part}/layer_${layers}/ffn/linear_0/weight`)) layers += 1;
  return layers;
}

function pair(dims: readonly number[]): [number, number] {
  const [first, second] = dims;
  if (first === undefined || second === undefined)
    throw new SpeechError('a weight of the model has too few dimensions');
  return [first, second];
}
