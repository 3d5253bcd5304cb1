import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { InferenceSession } from '../onnx-runtime';
import { writeModel } from '../../onnx';
import { SpeechError } from '../../speech-error';
import type { EngineSettings } from '../engine';
import { GraphCache } from '../graph-cache';
import { sessionOptions } from '../session-options';
import { AudioEncoder } from './audio-encoder';
import { Ct2Weights } from './ct2-weights';
import { buildDecoder } from './decoder-graph';
import { buildEncoder } from './encoder-graph';
import { GreedyDecoder, type AlignmentHead, type Suppression } from './greedy-decoder';
import { LogMel } from './log-mel';
import { shapeOf, type ModelShape } from './model-shape';
import { SilentContext } from './silent-context';
import { WhisperTokenizer } from './tokenizer';

/** A loaded Whisper model. */
export interface LoadedModel {
  readonly shape: ModelShape;
  readonly tokenizer: WhisperTokenizer;
  readonly encoder: AudioEncoder;
  readonly decoder: GreedyDecoder;
  readonly silence: SilentContext;
  close(): Promise<void>;
}

/** Increase this whenever a graph or the silent context is made differently. */
const builderVersion = 2;

/** The fields that are used from `config.json`. */
interface ModelConfig {
  readonly suppression: Suppression;
  readonly alignmentHeads: readonly AlignmentHead[];
}

/**
 * Loads `model.bin` (CTranslate2), `tokenizer.json` and `config.json` of a folder. The first start makes the graphs and
 * stores them. Later starts read them.
 */
export async function loadModel(settings: EngineSettings, silentGroupPositions: number): Promise<LoadedModel> {
  const { modelFolder, precision } = settings;
  const weightsPath = join(modelFolder, 'model.bin');
  const weights = await Ct2Weights.open(weightsPath);
  try {
    const shape = await shapeOf(weights);
    const tokenizer = WhisperTokenizer.parse(await readFile(join(modelFolder, 'tokenizer.json'), 'utf8'));
    const config = await readConfig(join(modelFolder, 'config.json'), shape);
    const cache = await GraphCache.of(weightsPath, settings.graphsFolder);
    const graphs = await keptGraphs(cache, weights, shape, settings, config.alignmentHeads);
    const options = sessionOptions(settings);
    const encoderSession = await InferenceSession.create(graphs.encoder, options);
    const decoderSession = await InferenceSession.create(graphs.decoder, options);
    const encoder = new AudioEncoder(encoderSession, shape, new LogMel(shape.mels));
    const silence = await keptSilence(cache, encoder, shape, precision, silentGroupPositions);
    return {
      shape,
      tokenizer,
      encoder,
      decoder: new GreedyDecoder(decoderSession, shape, tokenizer, config.alignmentHeads, config.suppression),
      silence,
      close: async () => {
        await encoderSession.release();
        await decoderSession.release();
      },
    };
  } finally {
    await weights.close();
  }
}

async function keptGraphs(
  cache: GraphCache,
  weights: Ct2Weights,
  shape: ModelShape,
  { precision }: EngineSettings,
  alignmentHeads: readonly AlignmentHead[],
): Promise<{ readonly encoder: string; readonly decoder: string }> {
  const layers = [...new Set(alignmentHeads.map(({ layer }) => layer))].sort((a, b) => a - b);
  const inputs = JSON.stringify([precision, layers]);
  const kept = await cache.keep({ label: 'graphs', version: builderVersion, inputs }, async () => ({
    'encoder.onnx': writeModel(await buildEncoder(weights, shape, precision === 'int8')),
    'decoder.onnx': writeModel(await buildDecoder(weights, shape, precision === 'int8', new Set(layers))),
  }));
  return { encoder: kept['encoder.onnx'] ?? '', decoder: kept['decoder.onnx'] ?? '' };
}

/** Encoding 30 s of silence takes a good part of a start, so its result is stored as well. */
async function keptSilence(
  cache: GraphCache,
  encoder: AudioEncoder,
  { audioPositions, width, encoderLayers }: ModelShape,
  precision: string,
  groupPositions: number,
): Promise<SilentContext> {
  const inputs = JSON.stringify([precision, groupPositions]);
  const kept = await cache.keep({ label: 'silence', version: builderVersion, inputs }, async () => {
    const { layers, cross } = await encoder.hearSilence(groupPositions);
    return { 'silence.f32': Buffer.concat([bytesOf(layers), bytesOf(cross)]) };
  });
  const bytes = await readFile(kept['silence.f32'] ?? '');
  const values = new Float32Array(Uint8Array.from(bytes).buffer);
  const layersLength = Math.ceil(audioPositions / groupPositions) * encoderLayers * 2 * width;
  const [layers, cross] = [values.subarray(0, layersLength), values.subarray(layersLength)];
  return new SilentContext(audioPositions, groupPositions, layers, cross);
}

const bytesOf = (values: Float32Array): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);

async function readConfig(path: string, shape: ModelShape): Promise<ModelConfig> {
  const json = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
  const ids = (name: string): number[] => {
    const value = json[name];
    if (!Array.isArray(value)) throw new SpeechError(`config.json has no list ${name}`);
    return value.filter((id): id is number => typeof id === 'number' && id >= 0 && id < shape.vocabulary);
  };
  return {
    suppression: { always: ids('suppress_ids'), first: ids('suppress_ids_begin') },
    alignmentHeads: readAlignmentHeads(json['alignment_heads'], shape),
  };
}

/** Without a list, uses all heads of the upper half of the layers, like the reference implementation. */
function readAlignmentHeads(value: unknown, { decoderLayers, heads }: ModelShape): AlignmentHead[] {
  if (Array.isArray(value) && value.length > 0) {
    return (value as [number, number][]).map(([layer, head]) => ({ layer, head }));
  }
  const upper = Array.from({ length: decoderLayers }, (_, layer) => layer).slice(Math.floor(decoderLayers / 2));
  return upper.flatMap((layer) => Array.from({ length: heads }, (_, head) => ({ layer, head })));
}
