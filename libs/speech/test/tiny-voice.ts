import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { GraphBuilder, writeModel, type Model, type Value } from '../src/onnx';

/** Channels of the tiny voice's latent frames. */
export const tinyChannels = 4;
/** Two upsamplings by 4. */
export const tinySamplesPerFrame = 16;

/** A graph of the shape of a Piper voice, with a handful of weights: it babbles, but its parts hang together alike. */
export function tinyVoice(): Model {
  const graph = new GraphBuilder('tiny voice');
  const ids = graph.input('input', 'int64', [1, 'phonemes']);
  graph.input('input_lengths', 'int64', [1]);
  const scales = graph.input('scales', 'float32', [3]);
  const scale = (index: number): Value => graph.op('Gather', [scales, graph.int(index)]);
  const embedded = graph.op('Gather', [weights(graph, 'embedding', [256, 2 * tinyChannels]), ids]);
  const [mean = '', logScale = ''] = graph.ops('Split', [transpose(graph, embedded)], 2, { axis: 1, num_outputs: 2 });
  const durations = predictDurations(graph, graph.op('Tanh', [mean]), scale(1), scale(2));
  const { alignment, mask } = align(graph, durations);
  const expand = (value: Value): Value => transpose(graph, graph.op('MatMul', [alignment, transpose(graph, value)]));
  const center = expand(mean);
  const noise = graph.op('RandomNormalLike', [center], {}, { name: '/RandomNormalLike' });
  const scaled = graph.op('Mul', [noise, graph.op('Exp', [expand(logScale)])]);
  const noisy = graph.op('Add', [center, graph.op('Mul', [scaled, scale(0)])]);
  const clean = [0, 1].reduce((value, step) => couple(graph, value, step), noisy);
  decode(graph, graph.op('Mul', [clean, mask]));
  return graph.build();
}

/** Writes the tiny voice to a model folder as a Piper voice is published. */
export async function writeTinyVoice(folder: string, name = 'tiny'): Promise<string> {
  await mkdir(folder, { recursive: true });
  const path = join(folder, `${name}.onnx`);
  await writeFile(path, writeModel(tinyVoice()));
  const symbols = [...'_^$ !,.:;?abcdefghijklmnopqrstuvwxyzæðŋɐɑɔəɚɛɜɪʊʌʒʃθɡɹɾˈˌː'];
  const config = {
    audio: { sample_rate: 16_000 },
    espeak: { voice: 'en-us' },
    inference: { noise_scale: 0.5, length_scale: 1, noise_w: 0.5 },
    phoneme_type: 'espeak',
    phoneme_id_map: Object.fromEntries(symbols.map((symbol, index) => [symbol, [index]])),
    num_speakers: 1,
  };
  await writeFile(`${path}.json`, JSON.stringify(config));
  return path;
}

/** About three frames for each id: [1, 1, ids]. */
function predictDurations(graph: GraphBuilder, hidden: Value, pace: Value, spread: Value): Value {
  const mask = graph.op('Cast', [graph.op('Less', [graph.scalar(0), graph.scalar(1)])], { to: 1 });
  const dp = (name: string, value: Value, shape: readonly number[]): Value =>
    graph.op('Conv', [value, weights(graph, `dp_${name}`, shape)], {}, { name: `/dp/${name}/Conv` });
  const projected = dp('proj', dp('pre', hidden, [tinyChannels, tinyChannels, 1]), [2, tinyChannels, 1]);
  const like = graph.op('Mul', [projected, mask]);
  const noise = graph.op('RandomNormalLike', [like], {}, { name: '/dp/RandomNormalLike' });
  const guess = graph.op('Add', [graph.op('Mul', [noise, spread]), like]);
  const average = graph.op('ReduceMean', [guess, graph.ints(1)], { keepdims: 1 });
  const frames = graph.op('Mul', [graph.op('Exp', [average]), graph.scalar(2.5)]);
  return graph.op('Ceil', [graph.op('Mul', [frames, pace])]);
}

/** Which frame belongs to which id, [1, frames, ids], and a mask of ones, [1, 1, frames]. */
function align(graph: GraphBuilder, durations: Value): { alignment: Value; mask: Value } {
  const ends = graph.op('CumSum', [durations, graph.int(2)]);
  const starts = graph.op('Sub', [ends, durations]);
  const total = graph.op('ReduceSum', [durations], { keepdims: 0 });
  const range = graph.op('Range', [graph.scalar(0), total, graph.scalar(1)]);
  const frames = graph.op('Reshape', [range, graph.ints(1, -1, 1)]);
  const before = (edges: Value): Value => graph.op('Cast', [graph.op('Less', [frames, edges])], { to: 1 });
  const row = graph.op('Reshape', [range, graph.ints(1, 1, -1)]);
  return {
    alignment: graph.op('Sub', [before(ends), before(starts)]),
    mask: graph.op('Cast', [graph.op('Less', [row, total])], { to: 1 }),
  };
}

/** One half of the channels is shifted by what the other half says. */
function couple(graph: GraphBuilder, value: Value, step: number): Value {
  const half = tinyChannels / 2;
  const [kept = '', moved = ''] = graph.ops('Split', [value], 2, { axis: 1, num_outputs: 2 });
  const shift = convolve(graph, `flow${step}`, kept, [half, half, 3]);
  const halves = [graph.op('Sub', [moved, shift]), kept];
  return graph.op('Concat', halves, { axis: 1 }, { name: `/flow/flows.${step}/Concat` });
}

function decode(graph: GraphBuilder, latent: Value): void {
  const leaky = (value: Value): Value => graph.op('LeakyRelu', [value], { alpha: 0.1 });
  const pre = graph.op(
    'Conv',
    [latent, weights(graph, 'pre', [8, tinyChannels, 7])],
    { pads: [3, 3] },
    { name: '/dec/conv_pre/Conv' },
  );
  let value = pre;
  for (const [stage, channels] of [8, 4].entries()) {
    const weight = weights(graph, `up${stage}`, [channels, channels / 2, 8]);
    const up = graph.op('ConvTranspose', [leaky(value), weight], { strides: [4], pads: [2, 2] });
    value = graph.op('Add', [up, convolve(graph, `res${stage}`, leaky(up), [channels / 2, channels / 2, 5])]);
  }
  const samples = graph.op('Tanh', [convolve(graph, 'post', value, [1, 2, 3])]);
  graph.output(graph.op('Unsqueeze', [samples, graph.ints(1)], {}, { name: 'output' }), 'float32');
}

function convolve(graph: GraphBuilder, name: string, value: Value, shape: readonly number[]): Value {
  const pad = ((shape[2] ?? 1) - 1) / 2;
  return graph.op('Conv', [value, weights(graph, name, shape)], { pads: [pad, pad] });
}

const transpose = (graph: GraphBuilder, value: Value): Value => graph.op('Transpose', [value], { perm: [0, 2, 1] });

/** Small weights that look random and are always the same. */
function weights(graph: GraphBuilder, name: string, shape: readonly number[]): Value {
  const count = shape.reduce((product, size) => product * size, 1);
  const values = Float32Array.from(
    { length: count },
    (_, index) => 0.4 * Math.sin(12.9898 * (index + name.length) ** 1.3),
  );
  return graph.initializer(name, 'float32', shape, values);
}
