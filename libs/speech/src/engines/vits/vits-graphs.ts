import {
  bindInput,
  dimsOf,
  extractGraph,
  graphOf,
  replaceNodeByInput,
  tensor,
  widenConvolutions,
  type Boundary,
  type Graph,
  type Model,
  type Node,
} from '../../onnx';
import { SpeechError } from '../../speech-error';
import { cropDecoder, trimFlow } from './margins';
import { receptiveField } from './receptive-field';
import { simplifySplines } from './spline';

/** The properties of the cut graphs that the engine needs to run them. */
export interface VitsLayout {
  /** Latent channels. */
  readonly channels: number;
  readonly samplesPerFrame: number;
  /** Number of frames on each side on which a latent frame depends in the flow, and a frame's audio in the decoder. */
  readonly flowReach: number;
  readonly decoderReach: number;
  /**
   * Number of frames by which each step of the flow shortens a side on which the utterance goes on. All steps together:
   * `flowReach`.
   */
  readonly flowTrim: number;
  /**
   * The decoder crops its context at a point where a frame has `cropRate` samples. It leaves `cropReach` samples on
   * each side.
   */
  readonly cropRate: number;
  readonly cropReach: number;
}

/**
 * A voice in four parts, so that durations can be given, noise is an input, and `flow` and `decoder` can run on a piece
 * of the utterance.
 *
 * `text`: phoneme ids to `hidden`, and to `mean` and `logScale` of the latent frames of each id.
 *
 * `predictor`: `hidden` and noise to the `durations` of the ids.
 *
 * `flow`: noisy latent frames `noisy` to clean ones.
 *
 * `decoder`: frames `latent` to `audio`.
 */
export interface VitsGraphs {
  readonly text: Model;
  readonly predictor: Model;
  readonly flow: Model;
  readonly decoder: Model;
  readonly layout: VitsLayout;
}

/** Cuts the graph that Piper's trainer exports. Throws a SpeechError if the voice has another structure. */
export function cutVits(voice: Model): VitsGraphs {
  const whole = new Anatomy(graphOf(voice));
  const frames = { type, dims: ['batch', whole.channels, 'frames'] };
  const decoder = extractGraph(voice, {
    inputs: [{ tensor: whole.latent, as: 'latent', ...frames }],
    outputs: [{ tensor: whole.audio, as: 'audio', type }],
  });
  const flow = withoutMask(voice, whole.frameMask, {
    inputs: [{ tensor: whole.noisy, as: 'noisy', ...frames }],
    outputs: [{ tensor: whole.latent, as: 'latent', ...frames }],
  });
  const text = extractGraph(voice, {
    inputs: [],
    outputs: [
      { tensor: whole.hidden, as: 'hidden', type },
      { tensor: whole.mean, as: 'mean', type },
      { tensor: whole.logScale, as: 'logScale', type },
    ],
  });
  const cropped = cropDecoder(decoder);
  const trimmed = trimFlow(flow);
  const { scale, reach } = receptiveField(decoder, 'latent', 'audio');
  return {
    text: widenConvolutions(text),
    predictor: widenConvolutions(simplifySplines(cutPredictor(voice, whole))),
    flow: widenConvolutions(trimmed.model),
    decoder: widenConvolutions(cropped.model),
    layout: {
      channels: whole.channels,
      samplesPerFrame: scale,
      flowReach: trimmed.couplings * trimmed.reach,
      flowTrim: trimmed.reach,
      decoderReach: Math.ceil(reach),
      cropRate: cropped.rate,
      cropReach: cropped.reach,
    },
  };
}

const type = 'float32' as const;

function cutPredictor(voice: Model, whole: Anatomy): Model {
  const noise = { name: 'durationNoise', type, dims: ['batch', 2, 'phonemes'] };
  return withoutMask(replaceNodeByInput(voice, whole.durationNoise, noise), whole.idMask, {
    inputs: [{ tensor: whole.hidden, as: 'hidden', type, dims: ['batch', undefined, 'phonemes'] }],
    outputs: [{ tensor: whole.durations, as: 'durations', type }],
  });
}

/** A part of a voice without its mask. The part gets unpadded input only, for which the mask is 1 everywhere. */
function withoutMask(
  voice: Model,
  mask: string,
  { inputs, outputs }: { readonly inputs: readonly Boundary[]; readonly outputs: readonly Boundary[] },
): Model {
  const masked = extractGraph(voice, { inputs: [...inputs, { tensor: mask, as: 'mask', type }], outputs });
  return bindInput(masked, tensor('mask', 'float32', [1, 1, 1], Float32Array.of(1)));
}

/** The values at which the parts of a voice's graph meet. */
class Anatomy {
  readonly latent: string;
  readonly frameMask: string;
  readonly idMask: string;
  readonly hidden: string;
  readonly noisy: string;
  readonly mean: string;
  readonly logScale: string;
  readonly durations: string;
  readonly audio: string;
  readonly channels: number;
  /** Name of the node that makes the durations' noise. */
  readonly durationNoise: string;
  private readonly makers: ReadonlyMap<string, Node>;

  constructor(private readonly graph: Graph) {
    this.makers = new Map(graph.node.flatMap((node) => node.output.map((name) => [name, node] as const)));
    const entry = this.find((node) => node.name === '/dec/conv_pre/Conv', 'node "/dec/conv_pre/Conv"');
    this.latent = entry.input[0] ?? '';
    this.channels = this.weightChannels(entry.input[1]);
    this.frameMask = this.maker(this.latent, 'Mul').input[1] ?? '';
    const noises = (prefix: RegExp): Node =>
      this.find(({ opType, name }) => opType === 'RandomNormalLike' && prefix.test(name), `noise named ${prefix}`);
    const noise = noises(/^(?!\/dp\/)/);
    this.durationNoise = noises(/^\/dp\//).name;
    this.hidden = this.find(({ name }) => name === '/dp/pre/Conv', 'node "/dp/pre/Conv"').input[0] ?? '';
    const projection = this.find(({ name }) => name === '/dp/proj/Conv', 'node "/dp/proj/Conv"');
    this.idMask = this.reader(projection.output[0], 'Mul').input[1] ?? '';
    const scaled = this.reader(noise.output[0], 'Mul');
    const tempered = this.reader(scaled.output[0], 'Mul');
    this.noisy = this.reader(tempered.output[0], 'Add').output[0] ?? '';
    this.mean = this.beforeExpansion(noise.input[0]);
    this.logScale = this.beforeExpansion(this.maker(scaled.input[1], 'Exp').input[0]);
    this.durations = this.find(({ opType }) => opType === 'Ceil', 'rounding of durations').output[0] ?? '';
    this.audio = graph.output[0]?.name ?? '';
  }

  /** Finds the value that was repeated for each frame by a product with the alignment. */
  private beforeExpansion(expanded: string | undefined): string {
    const product = this.maker(this.maker(expanded, 'Transpose').input[0], 'MatMul');
    return this.maker(product.input[1], 'Transpose').input[0] ?? '';
  }

  private weightChannels(name: string | undefined): number {
    const weight = this.graph.initializer.find((candidate) => candidate.name === name);
    const channels = weight ? dimsOf(weight)[1] : undefined;
    return channels ?? this.refuse('weights of "/dec/conv_pre/Conv"');
  }

  private find(is: (node: Node) => boolean, what: string): Node {
    const found = this.graph.node.filter(is);
    return found.length === 1 && found[0] ? found[0] : this.refuse(what);
  }

  private maker(value: string | undefined, opType: string): Node {
    const node = this.makers.get(value ?? '');
    return node?.opType === opType ? node : this.refuse(`${opType} that makes "${value}"`);
  }

  private reader(value: string | undefined, opType: string): Node {
    const node = this.graph.node.find(({ input }) => input.includes(value ?? ''));
    return node?.opType === opType ? node : this.refuse(`${opType} that reads "${value}"`);
  }

  private refuse(what: string): never {
    throw new SpeechError(`the model is not a supported Piper voice: ${what} not found`);
  }
}
