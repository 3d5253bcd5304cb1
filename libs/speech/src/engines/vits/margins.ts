import { change, create, graphOf, tensor, valueInfo, type Graph, type Model, type Node } from '../../onnx';
import { SpeechError } from '../../speech-error';
import { receptiveField } from './receptive-field';

const axes = 'margin_axes';

/**
 * A decoder that drops the part of the context that its later layers do not need. At that point a frame has `rate`
 * samples, and `reach` samples are needed on each side.
 */
export interface CroppedDecoder {
  readonly model: Model;
  readonly rate: number;
  readonly reach: number;
}

/**
 * Crops the context of a decoder before its second upsampling. Nine tenths of the context are used up before that
 * point, and four fifths of the work come after it. Only positions [cropStart, cropEnd) of the value go on.
 */
export function cropDecoder(decoder: Model): CroppedDecoder {
  const second = graphOf(decoder).node.filter(({ opType }) => opType === 'ConvTranspose')[1];
  if (!second) throw new SpeechError('the decoder of the voice has fewer than two upsamplings');
  const [source = '', ...weights] = second.input;
  const slice = sliceFrames('crop', source, 'cropped');
  return {
    model: insertSlices(decoder, (node) =>
      node === second ? [slice, change(node, { input: ['cropped', ...weights] })] : [node],
    ),
    rate: receptiveField(decoder, 'latent', source).scale,
    reach: Math.ceil(receptiveField(decoder, source, 'audio').reach),
  };
}

/** A flow of `couplings` steps. Each step drops `reach` frames. */
export interface TrimmedFlow {
  readonly model: Model;
  readonly couplings: number;
  readonly reach: number;
}

/**
 * Makes each coupling of a flow drop the context frames that only it needed. After each coupling, frames [cropStart,
 * cropEnd) go on, and a negative end counts from the end. The context shrinks from step to step and is empty at the
 * end.
 */
export function trimFlow(flow: Model): TrimmedFlow {
  const graph = graphOf(flow);
  const results = graph.node.filter(({ name }) => /^\/flow\/flows\.\d+\/Concat$/.test(name));
  const reaches = results.map((node, index) => {
    const source = results[index - 1]?.output[0] ?? 'noisy';
    return Math.ceil(receptiveField(flow, source, node.output[0] ?? '').reach);
  });
  const reach = reaches[0];
  if (reach === undefined || reaches.some((other) => other !== reach)) {
    throw new SpeechError('the flow of the voice does not consist of equal couplings');
  }
  const model = insertSlices(flow, (node) => {
    if (!results.includes(node)) return [node];
    const [result = ''] = node.output;
    const whole = `${result}/whole`;
    return [change(node, { output: [whole] }), sliceFrames(`${node.name}/trim`, whole, result)];
  });
  return { model, couplings: results.length, reach };
}

function sliceFrames(name: string, source: string, result: string): Node {
  const input = [source, 'cropStart', 'cropEnd', axes];
  return create('NodeProto', { opType: 'Slice', name, input, output: [result] });
}

/** Rewrites nodes; `cropStart` and `cropEnd` become inputs of the model. */
function insertSlices(model: Model, rewrite: (node: Node) => Node[]): Model {
  const graph = graphOf(model);
  const part: Graph = change(graph, {
    node: graph.node.flatMap(rewrite),
    initializer: [...graph.initializer, tensor(axes, 'int64', [1], BigInt64Array.of(2n))],
    input: [...graph.input, valueInfo('cropStart', 'int64', [1]), valueInfo('cropEnd', 'int64', [1])],
    // The lengths that the file records for values between nodes are no longer valid.
    valueInfo: [],
  });
  return change(model, { graph: part });
}
